#include "text/jinja/tokens.h"

namespace swift::text::jinja {
namespace {

constexpr Operator kOperators[] = {
    {"//", Token::floordiv}, {"**", Token::pow},     {"==", Token::eq},    {"!=", Token::ne},
    {">=", Token::ge},       {"<=", Token::le},      {"+", Token::add},    {"-", Token::sub},
    {"/", Token::div},       {"*", Token::mul},      {"%", Token::mod},    {"~", Token::tilde},
    {"[", Token::lbracket},  {"]", Token::rbracket}, {"(", Token::lparen}, {")", Token::rparen},
    {"{", Token::lbrace},    {"}", Token::rbrace},   {">", Token::gt},     {"<", Token::lt},
    {"=", Token::assign},    {".", Token::dot},      {":", Token::colon},  {"|", Token::pipe},
    {",", Token::comma},     {";", Token::semicolon}};

}  // namespace

std::span<const Operator> operators() {
  return kOperators;
}

std::string describe(Token type) {
  switch (type) {
    case Token::end:
      return "end of template";
    case Token::data:
      return "template data / text";
    case Token::variable_begin:
      return "begin of print statement";
    case Token::variable_end:
      return "end of print statement";
    case Token::block_begin:
      return "begin of statement block";
    case Token::block_end:
      return "end of statement block";
    case Token::name:
      return "name";
    case Token::string:
      return "string";
    case Token::integer:
      return "integer";
    case Token::real:
      return "float";
    default:
      break;
  }
  for (const Operator& candidate : kOperators) {
    if (candidate.type == type) return std::string(candidate.text);
  }
  return "token";
}

std::string describe(const Lexeme& lexeme) {
  return lexeme.type == Token::name ? lexeme.text : describe(lexeme.type);
}

}  // namespace swift::text::jinja
