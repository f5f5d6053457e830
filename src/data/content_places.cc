#include "data/content_places.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/error.h"

namespace swift::data {
using base::Json;
using Places = std::vector<std::optional<Place>>;
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";

// The four characters around a message's number: open, number, open_end … close, number, close_end.
struct Marks {
  std::array<std::string, 4> text;
};

std::string private_use(unsigned index) {
  const unsigned code = 0xE000 + index;
  return {static_cast<char>(0xE0 | code >> 12), static_cast<char>(0x80 | (code >> 6 & 0x3F)),
          static_cast<char>(0x80 | (code & 0x3F))};
}

// Four private-use characters that do not occur in the text; none when it holds nearly all of them.
std::optional<Marks> unused_marks(std::string_view text) {
  for (unsigned first = 0; first < 0x1900; first += 4) {
    Marks marks;
    for (unsigned k = 0; k < 4; ++k) marks.text[k] = private_use(first + k);
    const bool free = std::none_of(marks.text.begin(), marks.text.end(), [&](const std::string& mark) {
      return text.find(mark) != std::string_view::npos;
    });
    if (free) return marks;
  }
  return std::nullopt;
}

// The part of the content that a template keeps in any case.
Place core_of(const Json& message) {
  const std::string_view content = message["content"].get_ref<const std::string&>();
  constexpr std::string_view kThoughtsEnd = "</think>";
  size_t begin = 0;
  if (message["role"] == "assistant") {
    const size_t thoughts = content.rfind(kThoughtsEnd);
    if (thoughts != std::string_view::npos) begin = thoughts + kThoughtsEnd.size();
  }
  begin = content.find_first_not_of(kSpace, begin);
  if (begin == std::string_view::npos) return {};
  return {begin, content.find_last_not_of(kSpace) + 1};
}

bool has_text(const Json& message) {
  return message.contains("content") && message["content"].is_string();
}

Json with_marks(const Json& messages, const Marks& marks, bool assistants_only) {
  Json marked = messages;
  for (size_t i = 0; i < marked.size(); ++i) {
    Json& message = marked[i];
    if (!has_text(message) || (assistants_only && message["role"] != "assistant")) continue;
    const Place core = core_of(message);
    if (core.end == core.begin) continue;
    std::string& content = message["content"].get_ref<std::string&>();
    const std::string number = std::to_string(i);
    content.insert(core.end, marks.text[2] + number + marks.text[3]);
    content.insert(core.begin, marks.text[0] + number + marks.text[1]);
  }
  return marked;
}

// Reads "<number><closing mark>" at the front of the text; false when it is not there.
bool take_number(std::string_view& text, const std::string& closing, size_t& number) {
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc()) return false;
  text.remove_prefix(static_cast<size_t>(stop - text.data()));
  if (!text.starts_with(closing)) return false;
  text.remove_prefix(closing.size());
  return true;
}

// Takes the marks out of the rendering; none when what remains is not `expected`.
std::optional<Places> read_marks(std::string_view rendered, const Marks& marks, std::string_view expected,
                                 size_t count) {
  Places places(count);
  std::string plain;
  plain.reserve(expected.size());
  while (!rendered.empty()) {
    const bool opens = rendered.starts_with(marks.text[0]);
    if (!opens && !rendered.starts_with(marks.text[2])) {
      const size_t next =
          std::min({rendered.find(marks.text[0], 1), rendered.find(marks.text[2], 1), rendered.size()});
      plain.append(rendered.substr(0, next));
      rendered.remove_prefix(next);
      continue;
    }
    rendered.remove_prefix(marks.text[0].size());
    size_t number = 0;
    if (!take_number(rendered, marks.text[opens ? 1 : 3], number) || number >= count) return std::nullopt;
    // A content shown twice counts where it is shown last.
    if (opens) places[number] = Place{plain.size(), std::string::npos};
    if (!opens && places[number]) places[number]->end = plain.size();
  }
  if (plain != expected) return std::nullopt;
  for (auto& place : places) {
    if (place && place->end == std::string::npos) place.reset();
  }
  return places;
}

Places search_in_order(const Json& messages, std::string_view text) {
  Places places(messages.size());
  size_t from = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (!has_text(messages[i])) continue;
    const Place core = core_of(messages[i]);
    if (core.end == core.begin) continue;
    const std::string_view content = messages[i]["content"].get_ref<const std::string&>();
    const size_t at = text.find(content.substr(core.begin, core.end - core.begin), from);
    if (at == std::string_view::npos) continue;
    places[i] = Place{at, at + core.end - core.begin};
    from = places[i]->end;
  }
  return places;
}

}  // namespace

Places content_places(const text::ChatTemplate& chat_template, const Json& messages,
                      const text::RenderOptions& options, std::string_view text) {
  const auto marks = unused_marks(text);
  for (const bool assistants_only : {false, true}) {
    if (!marks) break;
    try {
      const std::string rendered =
          chat_template.render(with_marks(messages, *marks, assistants_only), options);
      if (auto places = read_marks(rendered, *marks, text, messages.size())) return *places;
    } catch (const base::Error&) {
      // A template may refuse the marked text; the plain one was accepted.
    }
  }
  return search_in_order(messages, text);
}

}  // namespace swift::data
