// Regular expressions as trees, with calls of rules: what patterns, grammars and schemas are turned into
// first.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "text/grammar/automaton.h"
#include "text/grammar/code_points.h"

namespace swift::text::grammar {

struct Expression;
using ExpressionPtr = std::shared_ptr<const Expression>;

struct Expression {
  enum class Kind { bytes, characters, sequence, choice, repeat, call, automaton };
  Kind kind;
  std::string bytes;
  CodePoints characters;             // one of them, as UTF-8
  std::vector<ExpressionPtr> parts;  // of a sequence, a choice (none: matches nothing) or a repeat (one)
  size_t min = 0;
  size_t max = 0;  // no_limit: any number
  RuleId rule = 0;
  std::shared_ptr<const Automaton> automaton;

  static constexpr size_t no_limit = SIZE_MAX;
};

ExpressionPtr literal(std::string bytes);
ExpressionPtr one_of(CodePoints characters);
ExpressionPtr sequence(std::vector<ExpressionPtr> parts);
ExpressionPtr choice(std::vector<ExpressionPtr> parts);
ExpressionPtr repeat(ExpressionPtr part, size_t min, size_t max = Expression::no_limit);
ExpressionPtr optional(ExpressionPtr part);
ExpressionPtr call(RuleId rule);
ExpressionPtr embed(Automaton automaton);

// The automaton of the expression. Throws base::Error(usage) past the budget.
Automaton automaton_of(const ExpressionPtr& expression, Budget& budget);

}  // namespace swift::text::grammar
