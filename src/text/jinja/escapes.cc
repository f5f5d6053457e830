// Escapes of template strings: the source as ASCII with \x, \u and \U for the rest, read back as Python's
// unicode-escape codec does.

#include "text/jinja/lexer.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// One character for the simple escapes, else 0.
char simple_escape(char c) {
  switch (c) {
    case '\\':
    case '\'':
    case '"':
      return c;
    case 'a':
      return '\a';
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'v':
      return '\v';
    default:
      return 0;
  }
}

// A backslash before a character that is no ASCII: the backslash swallows the one of that character's own
// escape.
void append_bare_escape(std::string& out, char32_t c) {
  const int digits = c < 0x100 ? 2 : c < 0x10000 ? 4 : 8;
  out += '\\';
  out += digits == 2 ? 'x' : digits == 4 ? 'u' : 'U';
  for (int shift = (digits - 1) * 4; shift >= 0; shift -= 4) out += "0123456789abcdef"[c >> shift & 0xF];
}

// \xhh, \uhhhh, \Uhhhhhhhh with `digits` digits from text[at]; moves at.
char32_t hex_escape(std::string_view text, size_t& at, int digits, int line) {
  char32_t c = 0;
  for (int i = 0; i < digits; ++i, ++at) {
    const int value = at < text.size() ? hex_value(text[at]) : -1;
    if (value < 0)
      throw SyntaxError("truncated escape in a string: \\x, \\u and \\U need 2, 4 and 8 hex digits", line);
    c = c << 4 | static_cast<char32_t>(value);
  }
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
    throw SyntaxError("illegal Unicode character in a string", line);
  return c;
}

}  // namespace

std::string unescape(std::string_view text, int line) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      out += text[at++];
      continue;
    }
    if (++at >= text.size()) throw SyntaxError("\\ at end of string", line);
    const char c = text[at];
    if (static_cast<unsigned char>(c) >= 0x80) {
      append_bare_escape(out, decode_utf8(text, at));
    } else if (const char plain = simple_escape(c)) {
      out += plain;
      ++at;
    } else if (c == '\n') {
      ++at;
    } else if (c >= '0' && c <= '7') {
      char32_t code = 0;
      for (int i = 0; i < 3 && at < text.size() && text[at] >= '0' && text[at] <= '7'; ++i) {
        code = code << 3 | static_cast<char32_t>(text[at++] - '0');
      }
      append_utf8(out, code);
    } else if (c == 'x' || c == 'u' || c == 'U') {
      append_utf8(out, hex_escape(text, ++at, c == 'x' ? 2 : c == 'u' ? 4 : 8, line));
    } else if (c == 'N') {
      throw SyntaxError("\\N{…} escapes are not supported; write the character itself", line);
    } else {
      out += '\\';
      out += c;
      ++at;
    }
  }
  return out;
}

}  // namespace swift::text::jinja
