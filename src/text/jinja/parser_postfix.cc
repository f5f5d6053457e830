// What follows a value: subscripts, calls, filters and tests.
#include "text/jinja/parser.h"
#include "text/jinja/parser_nesting.h"

namespace swift::text::jinja {

ExprPtr Parser::postfix(ExprPtr node) {
  for (;;) {
    if (is(Token::dot) || is(Token::lbracket)) {
      node = subscript(std::move(node));
    } else if (is(Token::lparen)) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::filters_and_tests(ExprPtr node) {
  for (;;) {
    if (is(Token::pipe)) {
      node = filter(std::move(node), false);
    } else if (is_name("is")) {
      node = test(std::move(node));
    } else if (is(Token::lparen)) {
      node = call(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::subscript(ExprPtr object) {
  const Lexeme& token = next();
  auto node = std::make_unique<SubscriptExpr>(token.line);
  adopt(*node, object);
  if (token.type == Token::dot) {
    const Lexeme& member = next();
    if (member.type == Token::name) {
      auto attribute = std::make_unique<AttributeExpr>(token.line, member.text);
      attribute->depth = node->depth;
      attribute->object = std::move(object);
      return attribute;
    }
    if (member.type != Token::integer) fail("expected name or number", member.line);
    node->index = std::make_unique<ConstantExpr>(member.line, Value::integer(member.integer));
    node->object = std::move(object);
    return node;
  }
  auto items = std::make_unique<ItemsExpr>(Expr::Kind::tuple, token.line);
  while (!is(Token::rbracket)) {
    if (!items->items.empty()) expect(Token::comma);
    items->items.push_back(subscript_item());
    adopt(*items, items->items.back());
  }
  expect(Token::rbracket);
  if (items->items.size() == 1) {
    node->index = std::move(items->items.front());
  } else {
    for (const ExprPtr& item : items->items) {
      if (item->kind == Expr::Kind::slice) fail("a slice cannot be part of a tuple", item->line);
    }
    node->index = std::move(items);
  }
  adopt(*node, node->index);
  node->object = std::move(object);
  return node;
}

// One index or slice between brackets.
ExprPtr Parser::subscript_item() {
  auto slice = std::make_unique<SliceExpr>(current().line);
  if (!is(Token::colon)) {
    ExprPtr index = expression();
    if (!is(Token::colon)) return index;
    slice->start = std::move(index);
  }
  next();
  const auto ends = [this] { return is(Token::rbracket) || is(Token::comma); };
  if (!is(Token::colon) && !ends()) slice->stop = expression();
  if (skip_if(Token::colon) && !ends()) slice->step = expression();
  for (const ExprPtr* part : {&slice->start, &slice->stop, &slice->step}) adopt(*slice, *part);
  return slice;
}

Arguments Parser::arguments() {
  const int line = expect(Token::lparen).line;
  const auto ensure = [&](bool allowed) {
    if (!allowed) fail("invalid syntax for function call expression", line);
  };
  Arguments args;
  bool require_comma = false;
  while (!is(Token::rparen)) {
    if (require_comma) {
      expect(Token::comma);
      if (is(Token::rparen)) break;
    }
    if (is(Token::mul)) {
      ensure(!args.star && !args.double_star);
      next();
      args.star = expression();
    } else if (is(Token::pow)) {
      ensure(!args.double_star);
      next();
      args.double_star = expression();
    } else if (is(Token::name) && ahead().type == Token::assign) {
      ensure(!args.double_star);
      const std::string name = next().text;
      next();
      for (const auto& [other, value] : args.named) {
        if (other == name) fail("keyword argument repeated: " + name, line);
      }
      args.named.emplace_back(name, expression());
    } else {
      ensure(!args.star && !args.double_star && args.named.empty());
      args.positional.push_back(expression());
    }
    require_comma = true;
  }
  expect(Token::rparen);
  return args;
}

ExprPtr Parser::call(ExprPtr callee) {
  auto node = std::make_unique<CallExpr>(current().line);
  adopt(*node, callee);
  node->callee = std::move(callee);
  node->arguments = arguments();
  adopt(*node, node->arguments);
  return node;
}

std::string Parser::dotted_name() {
  std::string name = expect(Token::name).text;
  while (skip_if(Token::dot)) name += "." + expect(Token::name).text;
  return name;
}

// Filters in a row; the first without its bar when inline_start. Null when there is none.
ExprPtr Parser::filter(ExprPtr subject, bool inline_start) {
  while (is(Token::pipe) || inline_start) {
    if (!inline_start) next();
    inline_start = false;
    const int line = current().line;
    auto node = std::make_unique<FilterExpr>(line, dotted_name());
    node->function = find_filter(node->name);
    if (is(Token::lparen)) node->arguments = arguments();
    adopt(*node, subject);
    adopt(*node, node->arguments);
    node->subject = std::move(subject);
    subject = std::move(node);
  }
  return subject;
}

ExprPtr Parser::test(ExprPtr subject) {
  const int line = next().line;
  const bool negated = skip_if_name("not");
  auto node = std::make_unique<TestExpr>(line, dotted_name());
  node->function = find_test(node->name);
  const bool argument_follows = is(Token::name) || is(Token::string) || is(Token::integer) ||
                                is(Token::real) || is(Token::lbracket) || is(Token::lbrace);
  if (is(Token::lparen)) {
    node->arguments = arguments();
  } else if (argument_follows && !is_name("else") && !is_name("or") && !is_name("and")) {
    if (is_name("is")) fail("You cannot chain multiple tests with is", current().line);
    node->arguments.positional.push_back(postfix(primary()));
  }
  adopt(*node, subject);
  adopt(*node, node->arguments);
  node->subject = std::move(subject);
  if (!negated) return node;
  auto negation = std::make_unique<UnaryExpr>(line, Op::not_);
  negation->operand = std::move(node);
  adopt(*negation, negation->operand);
  return negation;
}

}  // namespace swift::text::jinja
