#include "text/grammar/expression.h"

#include "text/grammar/nfa.h"

namespace swift::text::grammar {

namespace {

std::shared_ptr<Expression> make(Expression::Kind kind) {
  auto expression = std::make_shared<Expression>();
  expression->kind = kind;
  return expression;
}

}  // namespace

ExpressionPtr literal(std::string bytes) {
  auto expression = make(Expression::Kind::bytes);
  expression->bytes = std::move(bytes);
  return expression;
}

ExpressionPtr one_of(CodePoints characters) {
  auto expression = make(Expression::Kind::characters);
  expression->characters = std::move(characters);
  return expression;
}

ExpressionPtr sequence(std::vector<ExpressionPtr> parts) {
  auto expression = make(Expression::Kind::sequence);
  expression->parts = std::move(parts);
  return expression;
}

ExpressionPtr choice(std::vector<ExpressionPtr> parts) {
  if (parts.size() == 1) return parts.front();
  auto expression = make(Expression::Kind::choice);
  expression->parts = std::move(parts);
  return expression;
}

ExpressionPtr repeat(ExpressionPtr part, size_t min, size_t max) {
  auto expression = make(Expression::Kind::repeat);
  expression->parts.push_back(std::move(part));
  expression->min = min;
  expression->max = max;
  return expression;
}

ExpressionPtr optional(ExpressionPtr part) {
  return repeat(std::move(part), 0, 1);
}

ExpressionPtr call(RuleId rule) {
  auto expression = make(Expression::Kind::call);
  expression->rule = rule;
  return expression;
}

ExpressionPtr embed(Automaton automaton) {
  auto expression = make(Expression::Kind::automaton);
  expression->automaton = std::make_shared<const Automaton>(std::move(automaton));
  return expression;
}

Automaton automaton_of(const ExpressionPtr& expression, Budget& budget) {
  if (expression->kind == Expression::Kind::automaton) return *expression->automaton;
  Nfa nfa(budget);
  nfa.finish(nfa.append(*expression, nfa.start()));
  return nfa.determinized();
}

}  // namespace swift::text::grammar
