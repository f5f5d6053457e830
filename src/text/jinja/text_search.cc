// The methods of str that search, replace and split.
#include <algorithm>
#include <unordered_map>

#include "text/jinja/callables.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/text_methods.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

// Byte positions of text[start:end], which are arguments 1 and 2; false when start lies behind the end.
struct Window {
  size_t from = 0, to = 0;
  bool valid = true;
};

Window window_of(const std::string& text, const Parameters& p) {
  const auto length = static_cast<int64_t>(count_code_points(text));
  const auto bound = [&](size_t i, int64_t absent) {
    int64_t index = p.given(i) ? index_of(p[i]) : absent;
    if (index < 0) index = std::max<int64_t>(index, -length) + length;
    return index;
  };
  const int64_t start = bound(1, 0);
  const int64_t end = std::min(bound(2, length), length);
  if (start > length || start > end) return Window{0, 0, false};
  return Window{byte_offset(text, static_cast<size_t>(start)), byte_offset(text, static_cast<size_t>(end))};
}

// The code point index of the first or last occurrence in the window, or -1.
int64_t position_of(Runtime& rt, const Value& self, const Args& args, bool last) {
  const Parameters p("find", args, {"sub", "start", "end"}, 1);
  const std::string& text = self.as_text();
  rt.step(text.size() / 64);
  const Window window = window_of(text, p);
  if (!window.valid) return -1;
  const std::string_view part = std::string_view(text).substr(window.from, window.to - window.from);
  const size_t found = last ? part.rfind(p.text(0)) : part.find(p.text(0));
  if (found == std::string_view::npos) return -1;
  return static_cast<int64_t>(count_code_points(std::string_view(text).substr(0, window.from + found)));
}

template <bool Last>
Value find(Runtime& rt, const Value& self, Args& args) {
  return Value::integer(position_of(rt, self, args, Last));
}

template <bool Last>
Value index(Runtime& rt, const Value& self, Args& args) {
  const int64_t position = position_of(rt, self, args, Last);
  if (position < 0) throw Fault("substring not found");
  return Value::integer(position);
}

Value count(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("count", args, {"sub", "start", "end"}, 1);
  const std::string& text = self.as_text();
  const std::string& sub = p.text(0);
  rt.step(text.size() / 64);
  const Window window = window_of(text, p);
  if (!window.valid) return Value::integer(0);
  const std::string_view part = std::string_view(text).substr(window.from, window.to - window.from);
  if (sub.empty()) return Value::integer(static_cast<int64_t>(count_code_points(part)) + 1);
  int64_t total = 0;
  for (size_t at = part.find(sub); at != std::string_view::npos; at = part.find(sub, at + sub.size()))
    ++total;
  return Value::integer(total);
}

template <bool End>
Value begins_or_ends(Runtime&, const Value& self, Args& args) {
  const char* name = End ? "endswith" : "startswith";
  const Parameters p(name, args, {"prefix", "start", "end"}, 1);
  const std::string& text = self.as_text();
  const Window window = p.has(1) ? window_of(text, p) : Window{0, text.size()};
  const std::string_view part = std::string_view(text).substr(window.from, window.to - window.from);
  const auto matches = [&](const Value& candidate) {
    const std::string& affix = text_of(candidate, std::string(name) + " first arg");
    return window.valid && (End ? part.ends_with(affix) : part.starts_with(affix));
  };
  if (!p[0].is(Kind::tuple)) return Value::boolean(matches(p[0]));
  for (const Value& candidate : p[0].as<Sequence>().items) {
    if (matches(candidate)) return Value::boolean(true);
  }
  return Value::boolean(false);
}

Value replace(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("replace", args, {"old", "new", "count"}, 2);
  if (!args.named.empty()) throw Fault("replace() takes no keyword arguments");
  const std::string& to = p.text(1);
  std::string out = replace_text(rt, self.as_text(), p.text(0),
                                 self.is_markup() ? escape(rt, p[1]).as_text() : to, p.integer(2, -1));
  return make_text(rt, std::move(out), self.is_markup());
}

using Parts = std::vector<std::string_view>;

// Splits at runs of white space, from the left or the right, at most `limit` times.
Parts split_spaces(std::string_view text, int64_t limit, bool from_right) {
  Parts parts;
  for (;;) {
    text = strip(text, from_right ? Side::right : Side::left);
    if (text.empty()) break;
    if (limit-- == 0) {
      parts.push_back(text);
      break;
    }
    size_t cut = from_right ? 0 : text.size();
    size_t last_space_end = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t begin = at;
      if (!is_space(decode_utf8(text, at))) continue;
      if (!from_right) {
        cut = begin;
        break;
      }
      last_space_end = at;
    }
    if (from_right) cut = last_space_end;
    parts.push_back(from_right ? text.substr(cut) : text.substr(0, cut));
    text = from_right ? text.substr(0, cut) : text.substr(cut);
  }
  return parts;
}

Parts split_at(std::string_view text, std::string_view separator, int64_t limit, bool from_right) {
  Parts parts;
  while (limit-- != 0) {
    const size_t at = from_right ? text.rfind(separator) : text.find(separator);
    if (at == std::string_view::npos) break;
    const std::string_view after = text.substr(at + separator.size());
    parts.push_back(from_right ? after : text.substr(0, at));
    text = from_right ? text.substr(0, at) : after;
  }
  parts.push_back(text);
  return parts;
}

Value list_of(Runtime& rt, const Parts& parts, bool markup) {
  std::vector<Value> items;
  items.reserve(parts.size());
  rt.allocate(parts.size() * sizeof(Text));
  for (const std::string_view part : parts) items.push_back(make_text(rt, std::string(part), markup));
  return make_list(rt, std::move(items));
}

template <bool FromRight>
Value split(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("split", args, {"sep", "maxsplit"});
  const int64_t limit = p.integer(1, -1);
  rt.step(self.as_text().size() / 64);
  Parts parts;
  if (p.given(0)) {
    if (p.text(0).empty()) throw Fault("empty separator");
    parts = split_at(self.as_text(), p.text(0), limit, FromRight);
  } else {
    parts = split_spaces(self.as_text(), limit, FromRight);
  }
  if (FromRight) std::reverse(parts.begin(), parts.end());
  return list_of(rt, parts, self.is_markup());
}

Value splitlines(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("splitlines", args, {"keepends"});
  return list_of(rt, split_lines(self.as_text(), p.flag(0, false)), self.is_markup());
}

template <bool Last>
Value partition(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("partition", args, {"sep"}, 1);
  const std::string& text = self.as_text();
  const std::string& separator = p.text(0);
  if (separator.empty()) throw Fault("empty separator");
  const size_t at = Last ? text.rfind(separator) : text.find(separator);
  std::string parts[3];
  if (at == std::string::npos) {
    parts[Last ? 2 : 0] = text;
  } else {
    parts[0] = text.substr(0, at);
    parts[1] = separator;
    parts[2] = text.substr(at + separator.size());
  }
  std::vector<Value> items;
  for (std::string& part : parts) items.push_back(make_text(rt, std::move(part), self.is_markup()));
  return make_tuple(rt, std::move(items));
}

}  // namespace

std::string replace_text(Runtime& rt, const std::string& text, const std::string& from, const std::string& to,
                         int64_t count) {
  std::string out;
  rt.step(text.size() / 64);
  const auto check = [&] {
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  };
  size_t at = 0;
  if (from.empty()) {
    // The replacement goes before every code point and at the end.
    for (; count != 0; --count) {
      out += to;
      check();
      if (at >= text.size()) return out;
      const size_t begin = at;
      decode_utf8(text, at);
      out += text.substr(begin, at - begin);
    }
    return out + text.substr(at);
  }
  for (; count != 0; --count) {
    const size_t found = text.find(from, at);
    if (found == std::string::npos) break;
    out.append(text, at, found - at);
    out += to;
    check();
    at = found + from.size();
  }
  return out.append(text, at, std::string::npos);
}

MethodFn find_search_method(std::string_view name) {
  static const std::unordered_map<std::string_view, MethodFn> kMethods = {
      {"find", find<false>},
      {"rfind", find<true>},
      {"index", index<false>},
      {"rindex", index<true>},
      {"count", count},
      {"startswith", begins_or_ends<false>},
      {"endswith", begins_or_ends<true>},
      {"replace", replace},
      {"split", split<false>},
      {"rsplit", split<true>},
      {"splitlines", splitlines},
      {"partition", partition<false>},
      {"rpartition", partition<true>},
  };
  const auto found = kMethods.find(name);
  return found == kMethods.end() ? nullptr : found->second;
}

}  // namespace swift::text::jinja
