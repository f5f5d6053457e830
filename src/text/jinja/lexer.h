// Template source to tokens, as jinja2's lexer with trim_blocks and lstrip_blocks on.
#pragma once
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/tokens.h"

namespace swift::text::jinja {

// A template that cannot be parsed; the template adds its name.
struct SyntaxError : std::runtime_error {
  SyntaxError(const std::string& message, int at) : std::runtime_error(message), line(at) {}
  int line;
};

// All tokens, the last one being Token::end or, when the source has no token at a place, Token::error: the
// parser reports that when it comes there, so that of two mistakes the first is named.
std::vector<Lexeme> tokenize(std::string_view source);

// Resolves Python's string escapes. Throws SyntaxError with this line.
std::string unescape(std::string_view text, int line);

}  // namespace swift::text::jinja
