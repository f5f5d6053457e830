// Bounds of the syntax tree, so that neither parsing nor rendering nor destroying it exhausts the stack.
#pragma once
#include "text/jinja/parser.h"

namespace swift::text::jinja {

constexpr int kMaxParseDepth = 100;  // nested brackets, tags and conditional expressions
constexpr int kMaxExprDepth = 400;   // of a tree; long sums are deep trees too

struct Parser::Nested {
  explicit Nested(Parser& p) : parser(p) {
    if (++parser.nesting_ > kMaxParseDepth)
      parser.fail("the template is nested too deeply", parser.current().line);
  }
  ~Nested() { --parser.nesting_; }
  Nested(const Nested&) = delete;
  Nested& operator=(const Nested&) = delete;
  Parser& parser;
};

}  // namespace swift::text::jinja
