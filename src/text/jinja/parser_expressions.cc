#include <algorithm>

#include "text/jinja/parser.h"
#include "text/jinja/parser_nesting.h"

namespace swift::text::jinja {

void Parser::adopt(Expr& parent, const ExprPtr& child) const {
  if (!child) return;
  parent.depth = std::max(parent.depth, child->depth + 1);
  if (parent.depth > kMaxExprDepth) fail("the expression is nested too deeply", parent.line);
}

void Parser::adopt(Expr& parent, const Arguments& args) const {
  for (const ExprPtr& value : args.positional) adopt(parent, value);
  for (const auto& [name, value] : args.named) adopt(parent, value);
  adopt(parent, args.star);
  adopt(parent, args.double_star);
}

ExprPtr Parser::binary(Expr::Kind kind, Op op, int line, ExprPtr left, ExprPtr right) const {
  auto node = std::make_unique<BinaryExpr>(kind, line, op);
  adopt(*node, left);
  adopt(*node, right);
  node->left = std::move(left);
  node->right = std::move(right);
  return node;
}

ExprPtr Parser::expression(bool with_conditional) {
  const Nested nested(*this);
  return with_conditional ? conditional() : logic_or();
}

ExprPtr Parser::conditional() {
  int line = current().line;
  ExprPtr value = logic_or();
  while (skip_if_name("if")) {
    auto node = std::make_unique<ConditionalExpr>(line);
    node->test = logic_or();
    if (skip_if_name("else")) {
      const Nested nested(*this);
      node->otherwise = conditional();
    }
    node->then = std::move(value);
    for (const ExprPtr* child : {&node->test, &node->then, &node->otherwise}) adopt(*node, *child);
    value = std::move(node);
    line = current().line;
  }
  return value;
}

ExprPtr Parser::logic_or() {
  int line = current().line;
  ExprPtr left = logic_and();
  while (skip_if_name("or")) {
    left = binary(Expr::Kind::logic, Op::or_, line, std::move(left), logic_and());
    line = current().line;
  }
  return left;
}

ExprPtr Parser::logic_and() {
  int line = current().line;
  ExprPtr left = logic_not();
  while (skip_if_name("and")) {
    left = binary(Expr::Kind::logic, Op::and_, line, std::move(left), logic_not());
    line = current().line;
  }
  return left;
}

ExprPtr Parser::logic_not() {
  if (!is_name("not")) return comparison();
  const Nested nested(*this);
  auto node = std::make_unique<UnaryExpr>(next().line, Op::not_);
  node->operand = logic_not();
  adopt(*node, node->operand);
  return node;
}

ExprPtr Parser::comparison() {
  auto node = std::make_unique<ComparisonExpr>(current().line);
  node->first = sum();
  for (;;) {
    Op op;
    switch (current().type) {
      case Token::eq:
        op = Op::eq;
        break;
      case Token::ne:
        op = Op::ne;
        break;
      case Token::gt:
        op = Op::gt;
        break;
      case Token::ge:
        op = Op::ge;
        break;
      case Token::lt:
        op = Op::lt;
        break;
      case Token::le:
        op = Op::le;
        break;
      default:
        if (is_name("in")) {
          op = Op::in;
        } else if (is_name("not") && ahead().type == Token::name && ahead().text == "in") {
          next();
          op = Op::not_in;
        } else {
          if (node->rest.empty()) return std::move(node->first);
          adopt(*node, node->first);
          return node;
        }
    }
    next();
    node->rest.emplace_back(op, sum());
    adopt(*node, node->rest.back().second);
  }
}

ExprPtr Parser::sum() {
  int line = current().line;
  ExprPtr left = concat();
  while (is(Token::add) || is(Token::sub)) {
    const Op op = next().type == Token::add ? Op::add : Op::sub;
    left = binary(Expr::Kind::binary, op, line, std::move(left), concat());
    line = current().line;
  }
  return left;
}

ExprPtr Parser::concat() {
  const int line = current().line;
  ExprPtr first = product();
  if (!is(Token::tilde)) return first;
  auto node = std::make_unique<ItemsExpr>(Expr::Kind::concat, line);
  adopt(*node, first);
  node->items.push_back(std::move(first));
  while (skip_if(Token::tilde)) {
    node->items.push_back(product());
    adopt(*node, node->items.back());
  }
  return node;
}

ExprPtr Parser::product() {
  int line = current().line;
  ExprPtr left = power();
  for (;;) {
    Op op;
    switch (current().type) {
      case Token::mul:
        op = Op::mul;
        break;
      case Token::div:
        op = Op::div;
        break;
      case Token::floordiv:
        op = Op::floordiv;
        break;
      case Token::mod:
        op = Op::mod;
        break;
      default:
        return left;
    }
    next();
    left = binary(Expr::Kind::binary, op, line, std::move(left), power());
    line = current().line;
  }
}

ExprPtr Parser::power() {
  int line = current().line;
  ExprPtr left = unary();
  while (skip_if(Token::pow)) {
    left = binary(Expr::Kind::binary, Op::pow, line, std::move(left), unary());
    line = current().line;
  }
  return left;
}

ExprPtr Parser::unary(bool with_filter) {
  const int line = current().line;
  ExprPtr node;
  if (is(Token::sub) || is(Token::add)) {
    const Nested nested(*this);
    auto sign = std::make_unique<UnaryExpr>(line, next().type == Token::sub ? Op::neg : Op::pos);
    sign->operand = unary(false);
    adopt(*sign, sign->operand);
    node = std::move(sign);
  } else {
    node = primary();
  }
  node = postfix(std::move(node));
  return with_filter ? filters_and_tests(std::move(node)) : std::move(node);
}

ExprPtr Parser::primary(bool with_namespace) {
  const Lexeme& token = current();
  switch (token.type) {
    case Token::name: {
      next();
      if (token.text == "true" || token.text == "True" || token.text == "false" || token.text == "False") {
        return std::make_unique<ConstantExpr>(token.line, Value::boolean((token.text[0] | 0x20) == 't'));
      }
      if (token.text == "none" || token.text == "None") {
        return std::make_unique<ConstantExpr>(token.line, Value::none());
      }
      if (with_namespace && skip_if(Token::dot)) {
        return std::make_unique<AttributeTarget>(token.line, token.text, expect(Token::name).text);
      }
      return std::make_unique<NameExpr>(token.line, token.text);
    }
    case Token::string: {
      std::string text;
      while (is(Token::string)) text += next().text;
      return std::make_unique<ConstantExpr>(token.line, Value::text(std::move(text)));
    }
    case Token::integer:
      return std::make_unique<ConstantExpr>(next().line, Value::integer(token.integer));
    case Token::real:
      return std::make_unique<ConstantExpr>(next().line, Value::real(token.real));
    case Token::lparen: {
      next();
      ExprPtr node = tuple({.parentheses = true});
      expect(Token::rparen);
      return node;
    }
    case Token::lbracket:
      return list();
    case Token::lbrace:
      return dict();
    default:
      fail("unexpected '" + describe(token) + "'", token.line);
  }
}

bool Parser::tuple_ends(std::string_view end) const {
  if (is(Token::variable_end) || is(Token::block_end) || is(Token::rparen)) return true;
  return !end.empty() && is_name(end);
}

ExprPtr Parser::tuple(const TupleRules& rules) {
  int line = current().line;
  auto node = std::make_unique<ItemsExpr>(Expr::Kind::tuple, line);
  bool is_tuple = false;
  for (;;) {
    if (!node->items.empty()) expect(Token::comma);
    if (tuple_ends(rules.end)) break;
    const Nested nested(*this);
    node->items.push_back(rules.simple ? primary(rules.with_namespace) : expression(rules.conditional));
    adopt(*node, node->items.back());
    if (!is(Token::comma)) break;
    is_tuple = true;
    line = current().line;
  }
  if (!is_tuple) {
    if (!node->items.empty()) return std::move(node->items.front());
    if (!rules.parentheses) fail("Expected an expression, got '" + describe(current()) + "'", current().line);
  }
  node->line = line;
  return node;
}

ExprPtr Parser::list() {
  auto node = std::make_unique<ItemsExpr>(Expr::Kind::list, expect(Token::lbracket).line);
  while (!is(Token::rbracket)) {
    if (!node->items.empty()) expect(Token::comma);
    if (is(Token::rbracket)) break;
    node->items.push_back(expression());
    adopt(*node, node->items.back());
  }
  expect(Token::rbracket);
  return node;
}

ExprPtr Parser::dict() {
  auto node = std::make_unique<DictExpr>(expect(Token::lbrace).line);
  while (!is(Token::rbrace)) {
    if (!node->entries.empty()) expect(Token::comma);
    if (is(Token::rbrace)) break;
    ExprPtr key = expression();
    expect(Token::colon);
    node->entries.emplace_back(std::move(key), expression());
    adopt(*node, node->entries.back().first);
    adopt(*node, node->entries.back().second);
  }
  expect(Token::rbrace);
  return node;
}

}  // namespace swift::text::jinja
