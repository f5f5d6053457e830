// Escapes and character classes of patterns.
#include <fmt/format.h>

#include "text/grammar/regex_tree.h"
#include "text/unicode.h"

namespace swift::text::grammar {

namespace {

CodePoints digits() {
  return {{'0', '9'}};
}
CodePoints word() {
  return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
}
// White space and line ends of ECMA-262, which JSON Schema's patterns follow.
CodePoints space() {
  return {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
          {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}

std::string named(char32_t c) {
  std::string text;
  append_utf8(text, c);
  return text;
}

int hex_digit(char32_t c) {
  if (c >= '0' && c <= '9') return static_cast<int>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<int>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<int>(c - 'A' + 10);
  return -1;
}

char32_t hex(std::u32string_view pattern, size_t& at, int count) {
  char32_t value = 0;
  for (int i = 0; i < count; ++i, ++at) {
    const int digit = at < pattern.size() ? hex_digit(pattern[at]) : -1;
    if (digit < 0) refuse_regex(fmt::format("{} hexadecimal digits must follow", count), at + 1);
    value = value * 16 + static_cast<char32_t>(digit);
  }
  return value;
}

// After \u: XXXX, a surrogate pair of two such escapes, or {X...}.
char32_t unicode_escape(std::u32string_view pattern, size_t& at) {
  const size_t begin = at;
  char32_t value = 0;
  if (at < pattern.size() && pattern[at] == '{') {
    for (++at; at < pattern.size() && pattern[at] != '}'; ++at) {
      const int digit = hex_digit(pattern[at]);
      if (digit < 0 || value > 0x10FFFF) refuse_regex("malformed \\u{...}", begin + 1);
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (at++ >= pattern.size()) refuse_regex("malformed \\u{...}", begin + 1);
  } else {
    value = hex(pattern, at, 4);
    if (value >= 0xD800 && value < 0xDC00 && pattern.substr(at, 2) == U"\\u") {
      at += 2;
      const char32_t low = hex(pattern, at, 4);
      if (low < 0xDC00 || low > 0xDFFF) refuse_regex("a surrogate without its partner", begin + 1);
      value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
    refuse_regex("not a Unicode character", begin + 1);
  return value;
}

}  // namespace

RegexEscape parse_regex_escape(std::u32string_view pattern, size_t& at, bool in_class) {
  if (at >= pattern.size()) refuse_regex("a backslash at the end", at);
  const size_t position = at;
  const char32_t c = pattern[at++];
  const auto single = [](char32_t value) { return RegexEscape{CodePoints{{value, value}}, true}; };
  switch (c) {
    case 'd':
      return {digits(), false};
    case 'D':
      return {digits().complement(), false};
    case 'w':
      return {word(), false};
    case 'W':
      return {word().complement(), false};
    case 's':
      return {space(), false};
    case 'S':
      return {space().complement(), false};
    case 'n':
      return single('\n');
    case 'r':
      return single('\r');
    case 't':
      return single('\t');
    case 'f':
      return single('\f');
    case 'v':
      return single('\v');
    case 'a':
      return single('\a');
    case 'x':
      return single(hex(pattern, at, 2));
    case 'u':
      return single(unicode_escape(pattern, at));
    case '0':
      return single(0);
    case 'b':
      if (in_class) return single('\b');
      refuse_regex("word boundaries (\\b) are not supported", position);
    case 'B':
      refuse_regex("word boundaries (\\B) are not supported", position);
    case 'p':
    case 'P':
      refuse_regex("Unicode properties (\\p) are not supported", position);
    case 'k':
      refuse_regex("backreferences are not supported", position);
    default:
      break;
  }
  if (c >= '1' && c <= '9') refuse_regex("backreferences are not supported", position);
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
    refuse_regex("unknown escape '\\" + named(c) + "'", position);
  return single(c);
}

CodePoints parse_regex_class(std::u32string_view pattern, size_t& at) {
  const size_t begin = at;
  const bool negated = at < pattern.size() && pattern[at] == '^';
  if (negated) ++at;
  CodePoints set;
  const auto item = [&] {
    const char32_t c = pattern[at++];
    return c == '\\' ? parse_regex_escape(pattern, at, true) : RegexEscape{CodePoints{{c, c}}, true};
  };
  for (bool first = true; at < pattern.size() && (first || pattern[at] != ']'); first = false) {
    const size_t position = at + 1;
    const RegexEscape low = item();
    const bool range = at + 1 < pattern.size() && pattern[at] == '-' && pattern[at + 1] != ']';
    if (!range) {
      set.add(low.characters);
      continue;
    }
    ++at;
    const RegexEscape high = item();
    if (!low.single || !high.single)
      refuse_regex("a class such as \\d cannot be the end of a range", position);
    const char32_t from = low.characters.ranges().front().first;
    const char32_t to = high.characters.ranges().front().first;
    if (from > to) refuse_regex("the range ends before it begins", position);
    set.add(from, to);
  }
  if (at >= pattern.size()) refuse_regex("'[' is never closed", begin);
  ++at;
  return negated ? set.complement() : set;
}

}  // namespace swift::text::grammar
