#include "text/jinja/lexer.h"

#include <algorithm>
#include <cstdlib>

#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

bool ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

// "\r\n" and "\r" become "\n", and one newline at the very end goes.
std::string normalised(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
      continue;
    }
    out += '\n';
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(normalised(source)) {}
  std::vector<Lexeme> run();

 private:
  bool at(std::string_view text) const { return source_.compare(pos_, text.size(), text) == 0; }
  bool done() const { return pos_ >= source_.size(); }
  void advance(size_t to);
  void skip_spaces();
  void skip_newline();
  Lexeme& emit(Token type, int line, std::string text = {});
  bool begin_tag();
  std::string_view trimmed_before(std::string_view text, char sign, bool variable);
  bool try_raw(size_t tag, std::string_view text);
  void comment();
  void code(bool block);
  bool end_of_code(bool block);
  void token();
  bool number();
  void base_integer(int base);
  bool name();
  bool string();
  void operator_token();
  void balance(char c);

  std::string source_;
  size_t pos_ = 0;
  int line_ = 1;
  bool line_starting_ = true;  // the last tag ended with a newline, or nothing was read yet
  std::string open_;           // brackets to be closed
  std::vector<Lexeme> out_;
};

void Lexer::advance(size_t to) {
  line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                       source_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
  pos_ = to;
}

void Lexer::skip_spaces() {
  size_t to = pos_;
  while (to < source_.size()) {
    size_t after = to;
    if (!is_space(decode_utf8(source_, after))) break;
    to = after;
  }
  advance(to);
}

void Lexer::skip_newline() {
  if (!done() && source_[pos_] == '\n') advance(pos_ + 1);
}

Lexeme& Lexer::emit(Token type, int line, std::string text) {
  Lexeme lexeme;
  lexeme.type = type;
  lexeme.line = line;
  lexeme.text = std::move(text);
  out_.push_back(std::move(lexeme));
  return out_.back();
}

// The data before a tag, as the tag's sign and lstrip_blocks leave it.
std::string_view Lexer::trimmed_before(std::string_view text, char sign, bool variable) {
  if (sign == '-') return strip(text, Side::right);
  if (sign == '+' || variable) return text;
  const size_t newline = text.rfind('\n');
  const size_t from = newline == std::string_view::npos ? 0 : newline + 1;
  if (from == 0 && !line_starting_) return text;
  return strip(text.substr(from)).empty() ? text.substr(0, from) : text;
}

// {% raw %} … {% endraw %}: the text between is data.
bool Lexer::try_raw(size_t tag, std::string_view text) {
  const size_t saved = pos_;
  const int saved_line = line_;
  const bool signed_tag = source_[tag + 2] == '-' || source_[tag + 2] == '+';
  const char sign = signed_tag ? source_[tag + 2] : '\0';
  const int data_line = line_;
  advance(tag + (signed_tag ? 3 : 2));
  skip_spaces();
  bool is_raw = at("raw");
  if (is_raw) {
    advance(pos_ + 3);
    skip_spaces();
    is_raw = at("-%}") || at("%}");
  }
  if (!is_raw) {
    pos_ = saved;
    line_ = saved_line;
    return false;
  }
  const std::string_view before = trimmed_before(text, sign, false);
  if (!before.empty()) emit(Token::data, data_line, std::string(before));
  const bool strip_after = at("-%}");
  advance(pos_ + (strip_after ? 3 : 2));
  if (strip_after) skip_spaces();
  line_starting_ = source_[pos_ - 1] == '\n';

  const size_t body = pos_;
  const int body_line = line_;
  for (size_t open = source_.find("{%", body); open != std::string::npos;
       open = source_.find("{%", open + 1)) {
    pos_ = open + 2;
    char end_sign = '\0';
    if (!done() && (source_[pos_] == '-' || source_[pos_] == '+')) end_sign = source_[pos_++];
    skip_spaces();
    if (!at("endraw")) continue;
    pos_ += 6;
    skip_spaces();
    const bool plain = at("%}"), plus = at("+%}"), minus = at("-%}");
    if (!plain && !plus && !minus) continue;
    pos_ += plain ? 2 : 3;
    if (minus) skip_spaces();
    if (plain) skip_newline();
    const std::string_view data =
        trimmed_before(std::string_view(source_).substr(body, open - body), end_sign, false);
    if (!data.empty()) emit(Token::data, body_line, std::string(data));
    line_starting_ = source_[pos_ - 1] == '\n';
    const size_t end = pos_;
    pos_ = body;
    line_ = body_line;
    advance(end);
    return true;
  }
  throw SyntaxError("Missing end of raw directive", body_line);
}

void Lexer::comment() {
  const size_t end = source_.find("#}", pos_);
  if (end == std::string::npos) throw SyntaxError("Missing end of comment tag", line_);
  const char sign = end > pos_ ? source_[end - 1] : '\0';
  advance(end + 2);
  if (sign == '-') {
    skip_spaces();
  } else if (sign != '+') {
    skip_newline();
  }
  line_starting_ = source_[pos_ - 1] == '\n';
}

// Reads data up to the next tag and the tag's opening. False at the end of the source.
bool Lexer::begin_tag() {
  if (done()) return false;
  size_t tag = source_.find('{', pos_);
  while (tag != std::string::npos &&
         (tag + 1 >= source_.size() ||
          (source_[tag + 1] != '{' && source_[tag + 1] != '%' && source_[tag + 1] != '#'))) {
    tag = source_.find('{', tag + 1);
  }
  if (tag == std::string::npos) {
    emit(Token::data, line_, source_.substr(pos_));
    advance(source_.size());
    return false;
  }
  const std::string_view text = std::string_view(source_).substr(pos_, tag - pos_);
  const char kind = source_[tag + 1];
  if (kind == '%' && try_raw(tag, text)) return true;
  char sign = '\0';
  if (tag + 2 < source_.size() && (source_[tag + 2] == '-' || source_[tag + 2] == '+'))
    sign = source_[tag + 2];
  const std::string_view before = trimmed_before(text, sign, kind == '{');
  if (!before.empty()) emit(Token::data, line_, std::string(before));
  advance(tag + (sign ? 3 : 2));
  if (kind == '#') {
    comment();
  } else {
    emit(kind == '%' ? Token::block_begin : Token::variable_begin, line_);
    code(kind == '%');
  }
  return true;
}

bool Lexer::end_of_code(bool block) {
  if (!open_.empty()) return false;
  const int line = line_;
  const std::string_view close = block ? "%}" : "}}";
  const bool minus = !done() && source_[pos_] == '-' && source_.compare(pos_ + 1, 2, close) == 0;
  const bool plus = block && at("+%}");
  if (!minus && !plus && !at(close)) return false;
  advance(pos_ + (minus || plus ? 3 : 2));
  if (minus) {
    skip_spaces();
  } else if (block && !plus) {
    skip_newline();
  }
  emit(block ? Token::block_end : Token::variable_end, line);
  line_starting_ = source_[pos_ - 1] == '\n';
  return true;
}

// The tokens of a tag, through its end.
void Lexer::code(bool block) {
  while (!done()) {
    if (end_of_code(block)) return;
    token();
  }
}

void Lexer::token() {
  const size_t from = pos_;
  skip_spaces();
  if (pos_ != from) return;
  if (number() || name() || string()) return;
  operator_token();
}

void Lexer::base_integer(int base) {
  const size_t from = pos_;
  size_t to = pos_ + 2;
  std::string digits;
  while (to < source_.size() &&
         (std::isxdigit(static_cast<unsigned char>(source_[to])) || source_[to] == '_')) {
    const char c = source_[to++];
    if (c != '_') digits += c;
  }
  errno = 0;
  const int64_t value = std::strtoll(digits.c_str(), nullptr, base);
  if (errno) throw SyntaxError("integer of more than 64 bits: " + source_.substr(from, to - from), line_);
  emit(Token::integer, line_).integer = value;
  advance(to);
}

// Digits with single underscores between them; the position after, or `from` when there are none.
size_t digits_end(const std::string& text, size_t from) {
  size_t to = from;
  while (to < text.size() &&
         (ascii_digit(text[to]) || (text[to] == '_' && to > from && to + 1 < text.size() &&
                                    text[to - 1] != '_' && ascii_digit(text[to + 1])))) {
    ++to;
  }
  return to;
}

bool Lexer::number() {
  if (done() || !ascii_digit(source_[pos_])) return false;
  const size_t whole = digits_end(source_, pos_);
  size_t to = whole;
  const bool after_dot = pos_ > 0 && source_[pos_ - 1] == '.';
  if (!after_dot) {
    if (to + 1 < source_.size() && source_[to] == '.' && ascii_digit(source_[to + 1]))
      to = digits_end(source_, to + 1);
    if (to < source_.size() && (source_[to] == 'e' || source_[to] == 'E')) {
      size_t exponent = to + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) ++exponent;
      if (exponent < source_.size() && ascii_digit(source_[exponent])) to = digits_end(source_, exponent);
    }
  }
  if (to == whole && source_[pos_] == '0') {
    const char prefix = pos_ + 2 < source_.size() ? static_cast<char>(source_[pos_ + 1] | 0x20) : '\0';
    const int base = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 0;
    const char first = base ? source_[pos_ + 2] : '\0';
    if (base && std::isxdigit(static_cast<unsigned char>(first)) && (base == 16 || first < '0' + base)) {
      base_integer(base);
      return true;
    }
    // A decimal does not begin with 0: "007" is three tokens' worth of mistakes, as in jinja2.
    to = pos_;
    while (to < whole && (source_[to] == '0' || source_[to] == '_')) ++to;
  }
  std::string digits = source_.substr(pos_, to - pos_);
  const std::string shown = digits;
  std::erase(digits, '_');
  Lexeme& lexeme = emit(to > whole ? Token::real : Token::integer, line_);
  errno = 0;
  if (to > whole) {
    lexeme.real = std::strtod(digits.c_str(), nullptr);
  } else {
    lexeme.integer = std::strtoll(digits.c_str(), nullptr, 10);
    if (errno) throw SyntaxError("integer of more than 64 bits: " + shown, line_);
  }
  advance(to);
  return true;
}

bool Lexer::name() {
  size_t to = pos_;
  while (to < source_.size()) {
    size_t after = to;
    if (!is_word(decode_utf8(source_, after))) break;
    to = after;
  }
  if (to == pos_) return false;
  emit(Token::name, line_, source_.substr(pos_, to - pos_));
  advance(to);
  return true;
}

bool Lexer::string() {
  const char quote = done() ? '\0' : source_[pos_];
  if (quote != '\'' && quote != '"') return false;
  size_t to = pos_ + 1;
  while (to < source_.size() && source_[to] != quote) to += source_[to] == '\\' ? 2 : 1;
  if (to >= source_.size()) return false;
  emit(Token::string, line_, unescape(std::string_view(source_).substr(pos_ + 1, to - pos_ - 1), line_));
  advance(to + 1);
  return true;
}

void Lexer::balance(char c) {
  if (c == '(' || c == '[' || c == '{') open_ += c == '(' ? ')' : c == '[' ? ']' : '}';
  if (c != ')' && c != ']' && c != '}') return;
  if (open_.empty()) throw SyntaxError(std::string("unexpected '") + c + "'", line_);
  const char expected = open_.back();
  open_.pop_back();
  if (expected != c) {
    throw SyntaxError(std::string("unexpected '") + c + "', expected '" + expected + "'", line_);
  }
}

void Lexer::operator_token() {
  for (const Operator& candidate : operators()) {
    if (!at(candidate.text)) continue;
    if (candidate.text.size() == 1) balance(candidate.text[0]);
    emit(candidate.type, line_);
    advance(pos_ + candidate.text.size());
    return;
  }
  size_t after = pos_;
  decode_utf8(source_, after);
  throw SyntaxError("unexpected char '" + source_.substr(pos_, after - pos_) + "'", line_);
}

std::vector<Lexeme> Lexer::run() {
  try {
    while (begin_tag()) {
    }
    emit(Token::end, line_);
  } catch (const SyntaxError& fault) {
    emit(Token::error, fault.line, fault.what());
  }
  return std::move(out_);
}

}  // namespace

std::vector<Lexeme> tokenize(std::string_view source) {
  return Lexer(source).run();
}

}  // namespace swift::text::jinja
