#include "text/pretokenizer_scan.h"

#include <array>

#include "text/unicode.h"

namespace swift::text {

const std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
const std::string_view kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
const std::string_view kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

namespace {

enum class Class : unsigned char { letter, number, space, newline, other, end };

constexpr std::array<Class, 128> ascii_classes() {
  std::array<Class, 128> classes{};
  for (size_t c = 0; c < 128; ++c) {
    classes[c] = Class::other;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) classes[c] = Class::letter;
    if (c >= '0' && c <= '9') classes[c] = Class::number;
    if (c == ' ' || c == '\t' || c == '\v' || c == '\f') classes[c] = Class::space;
    if (c == '\n' || c == '\r') classes[c] = Class::newline;
  }
  return classes;
}
constexpr std::array<Class, 128> kAscii = ascii_classes();

Class class_of_wide(char32_t c) {
  if (c >= 0x4E00 && c <= 0x9FFF) return Class::letter;
  if (is_letter(c)) return Class::letter;
  if (is_number(c)) return Class::number;
  return is_whitespace(c) ? Class::space : Class::other;
}

struct Cursor {
  std::string_view text;  // ends where the piece ends

  // Class of the character at `at`; `next` becomes the place after it.
  Class look(size_t at, size_t& next) const {
    if (at >= text.size()) return Class::end;
    const auto lead = static_cast<unsigned char>(text[at]);
    if (lead < 0x80) {
      next = at + 1;
      return kAscii[lead];
    }
    next = at;
    return class_of_wide(next_code_point(text, next));
  }

  // End of the run of that class from `at`.
  size_t run(size_t at, Class wanted) const {
    size_t next = at;
    while (look(at, next) == wanted) at = next;
    return at;
  }

  char byte(size_t at) const { return at < text.size() ? text[at] : '\0'; }

  // End of 's 't 're 've 'm 'll 'd at `at`, or `at`.
  size_t contraction(size_t at, bool any_case) const {
    const auto lower = [&](size_t i) {
      const char c = byte(i);
      return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    };
    const char first = lower(at + 1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    const char second = lower(at + 2);
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
        (first == 'l' && second == 'l')) {
      return at + 3;
    }
    // U+017F, the long s, folds to s.
    return any_case && text.substr(at + 1, 2) == "\xC5\xBF" ? at + 3 : at;
  }
};

// The white space from `at`: up to its last line end where `lines` says so, else all but its last character
// when something follows.
size_t white_space(const Cursor& cursor, size_t at, bool lines) {
  size_t end = at, last = at, after_newline = at, next = at;
  while (true) {
    const Class found = cursor.look(end, next);
    if (found != Class::space && found != Class::newline) break;
    if (found == Class::newline) after_newline = next;
    last = end;
    end = next;
  }
  if (lines && after_newline > at) return after_newline;
  return end < cursor.text.size() && last > at ? last : end;
}

size_t next_gpt2(const Cursor& cursor, size_t at) {
  if (cursor.byte(at) == '\'') {
    const size_t end = cursor.contraction(at, false);
    if (end > at) return end;
  }
  size_t next = at;
  Class found = cursor.look(at, next);
  if (cursor.byte(at) == ' ') {
    const size_t body = next;
    const Class second = cursor.look(body, next);
    if (second == Class::letter || second == Class::number || second == Class::other) found = second;
  }
  if (found == Class::letter || found == Class::number || found == Class::other)
    return cursor.run(next, found);
  return white_space(cursor, at, false);
}

size_t next_llama3(const Cursor& cursor, size_t at, int most_digits) {
  if (cursor.byte(at) == '\'') {
    const size_t end = cursor.contraction(at, true);
    if (end > at) return end;
  }
  size_t next = at;
  const Class found = cursor.look(at, next);
  if (found == Class::letter) return cursor.run(next, Class::letter);
  if (found == Class::number) {
    for (int digits = 1; digits < most_digits; ++digits) {
      size_t after = next;
      if (cursor.look(next, after) != Class::number) break;
      next = after;
    }
    return next;
  }
  size_t after = next;
  const Class second = cursor.look(next, after);
  if (found != Class::newline && second == Class::letter) return cursor.run(after, Class::letter);
  const bool spaced = cursor.byte(at) == ' ' && second == Class::other;
  if (found == Class::other || spaced) {
    return cursor.run(cursor.run(next, Class::other), Class::newline);
  }
  return white_space(cursor, at, true);
}

}  // namespace

std::optional<WordScanner> WordScanner::for_pattern(std::string_view pattern) {
  WordScanner scanner;
  if (pattern == kGpt2Pattern)
    scanner.gpt2_ = true;
  else if (pattern == kLlama3Pattern)
    scanner.most_digits_ = 3;
  else if (pattern != kQwen2Pattern)
    return std::nullopt;
  return scanner;
}

void WordScanner::split(std::string_view text, size_t begin, size_t end, std::vector<Match>& words) const {
  const Cursor cursor{text.substr(0, end)};
  for (size_t at = begin; at < end;) {
    const size_t next = gpt2_ ? next_gpt2(cursor, at) : next_llama3(cursor, at, most_digits_);
    words.push_back({at, next});
    at = next;
  }
}

}  // namespace swift::text
