#include "data/spans.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
using base::Json;
using Places = std::vector<std::optional<Place>>;
namespace {

bool has_tool_calls(const Json& message) {
  return message.contains("tool_calls") && !message["tool_calls"].empty();
}

bool says_something(const Json& message) {
  const auto filled = [&](const char* key) {
    const auto found = message.find(key);
    return found != message.end() && found->is_string() &&
           found->get_ref<const std::string&>().find_first_not_of(" \t\r\n") != std::string::npos;
  };
  return filled("content") || filled("reasoning_content") || filled("thinking") || has_tool_calls(message);
}

size_t common_prefix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first - a.begin());
}

size_t common_suffix(std::string_view a, std::string_view b) {
  return static_cast<size_t>(std::mismatch(a.rbegin(), a.rend(), b.rbegin(), b.rend()).first - a.rbegin());
}

// The rendering of the messages before `message`, with the generation prompt; none when the template refuses.
std::optional<std::string> prompt_before(const text::ChatTemplate& chat_template, const Json& messages,
                                         size_t message, text::RenderOptions options) {
  if (message == 0) return std::nullopt;
  Json before = Json::array();
  for (size_t i = 0; i < message; ++i) before.push_back(messages[i]);
  options.add_generation_prompt = true;
  try {
    return chat_template.render(before, options);
  } catch (const Error&) {
    return std::nullopt;
  }
}

// End of the last content before `message`, at least `from`.
size_t context_end(const Places& places, size_t message, size_t from) {
  size_t end = from;
  for (size_t i = 0; i < message; ++i) {
    if (places[i]) end = std::max(end, places[i]->end);
  }
  return end;
}

}  // namespace

SpanFinder::SpanFinder(text::ChatTemplate chat_template, text::Tokenizer tokenizer,
                       std::vector<EndMarker> markers)
    : chat_template_(std::move(chat_template)),
      tokenizer_(std::move(tokenizer)),
      markers_(std::move(markers)) {}

// The last boundary between tokens of text[begin:] at or before `limit`.
size_t SpanFinder::token_boundary(const std::string& text, size_t begin, size_t limit) const {
  size_t at = begin;
  for (const int32_t id : tokenizer_.encode(std::string_view(text).substr(begin))) {
    const size_t next = at + tokenizer_.bytes_of(id).size();
    if (next > limit) break;
    at = next;
  }
  return at;
}

size_t SpanFinder::begin_of(const Json& messages, size_t message, const text::RenderOptions& options,
                            const std::string& text, const Places& places, size_t from) const {
  const size_t content = places[message] ? places[message]->begin : text.size();
  const auto prompt = prompt_before(chat_template_, messages, message, options);
  if (prompt) {
    const size_t common = common_prefix(*prompt, text);
    if (common == prompt->size() && common >= from && common <= content) return common;
    const size_t context = context_end(places, message, from);
    if (common >= context && context < prompt->size()) {
      return common >= content ? content : token_boundary(*prompt, context, common);
    }
    size_t best = 0, begin = content;
    for (size_t at = context; places[message] && at <= content; ++at) {
      const size_t shared = common_suffix(*prompt, std::string_view(text).substr(0, at));
      if (shared >= best && shared > 0) best = shared, begin = at;
    }
    if (best > 0) return begin;
  }
  if (places[message]) return content;
  throw Error(ExitCode::data,
              "the assistant's turn (message " + std::to_string(message + 1) +
                  ") cannot be found in the text that the chat template makes",
              {}, "simplify the template, or give the row as query and response");
}

void SpanFinder::set_end(Span& span, const Json& message, const std::string& text, const Places& places,
                         size_t limit) const {
  const auto& place = places[span.message];
  const size_t content_end = place ? std::max(place->end, span.begin) : span.begin;
  const bool calls = has_tool_calls(message);
  const auto found = find_marker(text, content_end, limit, markers_, calls);
  span.closed = found.has_value();
  span.end = found ? found->end : content_end;
  if (found || (place && !calls)) return;
  // What follows a turn that nothing closes is the template's only if another message follows.
  span.end = std::max(content_end, text.find_last_not_of(" \t\r\n", limit == 0 ? 0 : limit - 1) + 1);
}

Rendering SpanFinder::find(const Json& messages, const text::RenderOptions& options) const {
  Rendering result;
  result.text = chat_template_.render(messages, options);
  const Places places = content_places(chat_template_, messages, options, result.text);
  size_t from = 0;
  for (size_t i = 0; i < messages.size(); ++i) {
    if (messages[i]["role"] != "assistant" || !says_something(messages[i])) continue;
    Span span;
    span.message = i;
    span.begin = begin_of(messages, i, options, result.text, places, from);
    from = places[i] ? std::max(places[i]->end, span.begin) : span.begin;
    result.spans.push_back(span);
  }
  for (size_t s = 0; s < result.spans.size(); ++s) {
    Span& span = result.spans[s];
    size_t limit = s + 1 < result.spans.size() ? result.spans[s + 1].begin : result.text.size();
    for (size_t i = span.message + 1; i < messages.size(); ++i) {
      if (places[i] && places[i]->begin >= span.begin) limit = std::min(limit, places[i]->begin);
    }
    set_end(span, messages[span.message], result.text, places, limit);
  }
  return result;
}

}  // namespace swift::data
