#include "infer/server/parsers/python_literal.h"

#include <charconv>

namespace swift::infer::server {

using base::Json;

namespace {

constexpr int kMaxDepth = 64;

bool name_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' ||
         c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

void append_utf8(std::string& out, uint32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | code >> 6);
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | code >> 12);
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | code >> 18);
    out += static_cast<char>(0x80 | (code >> 12 & 0x3F));
    out += static_cast<char>(0x80 | (code >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Behind the backslash at text[at - 1].
bool escape(std::string_view text, size_t& at, std::string& out) {
  const char c = text[at++];
  const size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
  if (digits > 0) {
    uint32_t code = 0;
    if (at + digits > text.size()) return false;
    const auto read = std::from_chars(text.data() + at, text.data() + at + digits, code, 16);
    if (read.ptr != text.data() + at + digits || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
      return false;
    append_utf8(out, code);
    at += digits;
    return true;
  }
  switch (c) {
    case 'n':
      out += '\n';
      return true;
    case 't':
      out += '\t';
      return true;
    case 'r':
      out += '\r';
      return true;
    case '\n':
      return true;
    case '\\':
    case '\'':
    case '"':
      out += c;
      return true;
    default:
      out += '\\', out += c;
      return true;
  }
}

std::optional<Json> text_literal(std::string_view text, size_t& at) {
  const char quote = text[at];
  const std::string triple(3, quote);
  const std::string end = text.substr(at, 3) == triple ? triple : std::string(1, quote);
  std::string out;
  for (at += end.size(); at < text.size();) {
    if (text.substr(at, end.size()) == end) {
      at += end.size();
      return Json(out);
    }
    const char c = text[at++];
    if (c != '\\') {
      out += c;
    } else if (at >= text.size() || !escape(text, at, out)) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

std::optional<Json> number_literal(std::string_view text, size_t& at) {
  const size_t start = at;
  std::string digits;
  for (; at < text.size(); ++at) {
    const char c = text[at];
    const bool sign = (c == '-' || c == '+') && (at == start || text[at - 1] == 'e' || text[at - 1] == 'E');
    if (c == '_') continue;
    if (!sign && !(c >= '0' && c <= '9') && c != '.' && c != 'e' && c != 'E') break;
    if (c != '+' || at != start) digits += c;
  }
  Json number = Json::parse(digits, nullptr, false);
  if (number.is_discarded()) number = Json::parse(digits + "0", nullptr, false);  // "1."
  if (!number.is_number()) return std::nullopt;
  return number;
}

std::optional<Json> literal(std::string_view text, size_t& at, int depth);

std::optional<Json> sequence(std::string_view text, size_t& at, int depth) {
  const char close = text[at] == '[' ? ']' : ')';
  Json out = Json::array();
  ++at;
  while (true) {
    skip_blanks(text, at);
    if (at < text.size() && text[at] == close) {
      ++at;
      return out;
    }
    auto item = literal(text, at, depth + 1);
    if (!item) return std::nullopt;
    out.push_back(std::move(*item));
    skip_blanks(text, at);
    if (at < text.size() && text[at] == ',') {
      ++at;
    } else if (at >= text.size() || text[at] != close) {
      return std::nullopt;
    }
  }
}

std::optional<Json> dictionary(std::string_view text, size_t& at, int depth) {
  Json out = Json::object();
  ++at;
  while (true) {
    skip_blanks(text, at);
    if (at < text.size() && text[at] == '}') {
      ++at;
      return out;
    }
    const auto key = literal(text, at, depth + 1);
    skip_blanks(text, at);
    if (!key || at >= text.size() || text[at] != ':') return std::nullopt;
    ++at;
    auto value = literal(text, at, depth + 1);
    if (!value) return std::nullopt;
    out[key->is_string() ? key->get<std::string>() : key->dump()] = std::move(*value);
    skip_blanks(text, at);
    if (at < text.size() && text[at] == ',') {
      ++at;
    } else if (at >= text.size() || text[at] != '}') {
      return std::nullopt;
    }
  }
}

std::optional<Json> literal(std::string_view text, size_t& at, int depth) {
  skip_blanks(text, at);
  if (at >= text.size() || depth > kMaxDepth) return std::nullopt;
  const char c = text[at];
  if (c == '[' || c == '(') return sequence(text, at, depth);
  if (c == '{') return dictionary(text, at, depth);
  if (c == '"' || c == '\'') return text_literal(text, at);
  if ((c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.') return number_literal(text, at);
  const std::string word = python_name(text, at);
  if (word == "True" || word == "true") return Json(true);
  if (word == "False" || word == "false") return Json(false);
  if (word == "None" || word == "null") return Json(nullptr);
  return std::nullopt;
}

}  // namespace

std::optional<Json> python_literal(std::string_view text, size_t& at) {
  return literal(text, at, 0);
}

std::string python_name(std::string_view text, size_t& at) {
  const size_t start = at;
  while (at < text.size() && name_byte(text[at])) ++at;
  return std::string(text.substr(start, at - start));
}

void skip_blanks(std::string_view text, size_t& at) {
  while (at < text.size() && std::string_view(" \t\r\n").find(text[at]) != std::string_view::npos) ++at;
}

}  // namespace swift::infer::server
