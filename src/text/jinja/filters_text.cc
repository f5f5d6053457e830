#include "text/jinja/filter_groups.h"
#include "text/jinja/iterate.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/text_methods.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {

Value soft_text(Runtime& rt, const Value& value) {
  return value.is(Kind::string) ? value : make_text(rt, to_text(rt, value));
}

Value ignore_case(Runtime& rt, const Value& value) {
  return value.is(Kind::string) ? make_text(rt, to_lower(value.as_text()), value.is_markup()) : value;
}

namespace {

template <std::string (*Change)(std::string_view)>
Value changed(Runtime& rt, const Value& subject, Args& args) {
  Parameters("filter", args, {});
  const Value text = soft_text(rt, subject);
  return make_text(rt, Change(text.as_text()), text.is_markup());
}

bool begins_word(char32_t c) {
  return is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
}

// Each word with its first character in upper and the rest in lower case.
std::string titled(std::string_view text) {
  std::string out;
  size_t from = 0;
  const auto word = [&](size_t to) {
    size_t first = from;
    if (from >= to) return;
    decode_utf8(text, first);
    out += to_upper(text.substr(from, first - from)) + to_lower(text.substr(first, to - first));
  };
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (!begins_word(decode_utf8(text, at))) continue;
    word(begin);
    out += text.substr(begin, at - begin);
    from = at;
  }
  word(text.size());
  return out;
}

Value trim(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("trim", args, {"chars"});
  const Value text = soft_text(rt, subject);
  const std::string_view out =
      p.given(0) ? strip(text.as_text(), p.text(0), Side::both) : strip(std::string_view(text.as_text()));
  return make_text(rt, std::string(out), text.is_markup());
}

Value replace(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("replace", args, {"old", "new", "count"}, 2);
  const int64_t count = p.given(2) ? index_of(p[2]) : -1;
  return make_text(rt, replace_text(rt, to_text(rt, subject), to_text(rt, p[0]), to_text(rt, p[1]), count));
}

Value indent(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("indent", args, {"width", "first", "blank"});
  const std::string text = text_of(subject, "the text to indent") + "\n";
  std::string step(4, ' ');
  if (p.has(0) && p[0].is(Kind::string)) {
    step = p[0].as_text();
  } else if (p.has(0)) {
    step.assign(static_cast<size_t>(std::clamp<int64_t>(index_of(p[0]), 0, 1'000'000)), ' ');
  }
  const bool blank = p.boolean(2, false);
  std::string out = p.boolean(1, false) ? step : "";
  bool first = true;
  for (const std::string_view line : split_lines(text, false)) {
    if (!first) out += '\n';
    if (!first && (blank || !line.empty())) out += step;
    out += line;
    first = false;
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }
  return make_text(rt, std::move(out), subject.is_markup());
}

Value center(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("center", args, {"width"});
  return align_text(rt, soft_text(rt, subject), p.integer(0, 80), " ", 0);
}

Value truncate(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("truncate", args, {"length", "killwords", "end", "leeway"});
  const int64_t length = p.integer(0, 255);
  const std::string end = p.has(2) ? p.text(2) : "...";
  const int64_t leeway = p.given(3) ? index_of(p[3]) : 5;
  const auto end_size = static_cast<int64_t>(count_code_points(end));
  if (length < end_size)
    throw Fault("expected length >= " + std::to_string(end_size) + ", got " + std::to_string(length));
  if (leeway < 0) throw Fault("expected leeway >= 0, got " + std::to_string(leeway));
  const auto size = length_of(rt, subject);
  if (!size) throw Fault(std::string("object of type '") + type_name(subject) + "' has no len()");
  if (*size <= length || *size - length <= leeway) return subject;
  const std::string& text = text_of(subject, "the text to truncate");
  std::string_view kept =
      std::string_view(text).substr(0, byte_offset(text, static_cast<size_t>(length - end_size)));
  if (!p.boolean(1, false)) kept = kept.substr(0, std::min(kept.rfind(' '), kept.size()));
  return make_text(rt, std::string(kept) + (subject.is_markup() ? escape_html(end) : end),
                   subject.is_markup());
}

Value wordcount(Runtime& rt, const Value& subject, Args& args) {
  Parameters("wordcount", args, {});
  const Value text = soft_text(rt, subject);
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.as_text().size();) {
    const bool word = is_word(decode_utf8(text.as_text(), at));
    if (word && !inside) ++words;
    inside = word;
  }
  return Value::integer(words);
}

Value format(Runtime& rt, const Value& subject, Args& args) {
  if (!args.positional.empty() && !args.named.empty()) {
    throw Fault("can't handle positional and keyword arguments at the same time");
  }
  const Value text = soft_text(rt, subject);
  if (args.named.empty()) return format_percent(rt, text, make_tuple(rt, args.positional));
  auto named = std::make_shared<Dict>();
  for (auto& [name, value] : args.named) named->set(rt, make_text(rt, name), value);
  return format_percent(rt, text, make_dict(rt, std::move(named)));
}

Value string(Runtime& rt, const Value& subject, Args& args) {
  Parameters("string", args, {});
  return soft_text(rt, subject);
}

Value safe(Runtime& rt, const Value& subject, Args& args) {
  Parameters("safe", args, {});
  return make_text(rt, to_text(rt, subject), true);
}

Value escaped(Runtime& rt, const Value& subject, Args& args) {
  Parameters("escape", args, {});
  return escape(rt, subject);
}

Value force_escaped(Runtime& rt, const Value& subject, Args& args) {
  Parameters("forceescape", args, {});
  return make_text(rt, escape_html(to_text(rt, subject)), true);
}

std::string quoted(const std::string& text, bool query) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = byte < 0x80 && (std::isalnum(byte) || c == '_' || c == '.' || c == '-' || c == '~');
    if (plain || (c == '/' && !query)) {
      out += c;
    } else if (c == ' ' && query) {
      out += '+';
    } else {
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

Value urlencode(Runtime& rt, const Value& subject, Args& args) {
  Parameters("urlencode", args, {});
  if (subject.is(Kind::string) || !iterable(subject))
    return make_text(rt, quoted(to_text(rt, subject), false));
  std::string out;
  const auto pair = [&](const Value& key, const Value& value) {
    if (!out.empty()) out += '&';
    out += quoted(to_text(rt, key), true) + "=" + quoted(to_text(rt, value), true);
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  };
  if (subject.is(Kind::dict)) {
    for (const auto& [key, value] : subject.as<Dict>().entries) pair(key, value);
    return make_text(rt, std::move(out));
  }
  const auto items = iterate(rt, subject);
  Value item;
  while (items->next(rt, item)) {
    const std::vector<Value> both = to_vector(rt, item);
    if (both.size() != 2) throw Fault("urlencode needs pairs of a key and a value");
    pair(both[0], both[1]);
  }
  return make_text(rt, std::move(out));
}

}  // namespace

std::span<const NamedFilter> text_filters() {
  static constexpr NamedFilter kFilters[] = {
      {"upper", changed<to_upper>},
      {"lower", changed<to_lower>},
      {"capitalize", changed<to_capitalized>},
      {"title", changed<titled>},
      {"trim", trim},
      {"replace", replace},
      {"indent", indent},
      {"center", center},
      {"truncate", truncate},
      {"wordcount", wordcount},
      {"format", format},
      {"string", string},
      {"safe", safe},
      {"escape", escaped},
      {"e", escaped},
      {"forceescape", force_escaped},
      {"urlencode", urlencode},
  };
  return kFilters;
}

}  // namespace swift::text::jinja
