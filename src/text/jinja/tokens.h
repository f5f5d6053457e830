// The tokens of a template and how messages name them.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace swift::text::jinja {

enum class Token : uint8_t {
  end,
  data,
  variable_begin,
  variable_end,
  block_begin,
  block_end,
  name,
  string,
  integer,
  real,
  add,
  sub,
  div,
  floordiv,
  mul,
  mod,
  pow,
  tilde,
  lbracket,
  rbracket,
  lparen,
  rparen,
  lbrace,
  rbrace,
  eq,
  ne,
  gt,
  ge,
  lt,
  le,
  assign,
  dot,
  colon,
  pipe,
  comma,
  semicolon,
  error,  // the source cannot be read further; text is the message
};

struct Lexeme {
  Token type = Token::end;
  int line = 1;
  std::string text;  // data, names and strings (escapes resolved)
  int64_t integer = 0;
  double real = 0;
};

// How messages name a token: "end of print statement", "(", a name itself …
std::string describe(const Lexeme& lexeme);
std::string describe(Token type);

struct Operator {
  std::string_view text;
  Token type;
};
// Longer ones first, so that the first that fits is right.
std::span<const Operator> operators();

}  // namespace swift::text::jinja
