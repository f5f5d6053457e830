#include "text/jinja/parser.h"

#include <algorithm>

#include "text/jinja/parser_nesting.h"

namespace swift::text::jinja {

// Moves on and returns the token that was current.
const Lexeme& Parser::next() {
  const Lexeme& token = current();
  if (pos_ + 1 < tokens_.size()) ++pos_;
  if (is(Token::error)) fail(current().text, current().line);
  return token;
}

bool Parser::skip_if(Token type) {
  if (!is(type)) return false;
  next();
  return true;
}

bool Parser::skip_if_name(std::string_view name) {
  if (!is_name(name)) return false;
  next();
  return true;
}

const Lexeme& Parser::expect(Token type) {
  if (is(type)) return next();
  const std::string wanted = "'" + describe(type) + "'";
  if (is(Token::end)) fail("unexpected end of template, expected " + wanted + ".", current().line);
  fail("expected token " + wanted + ", got '" + describe(current()) + "'", current().line);
}

void Parser::expect_name(std::string_view name) {
  if (skip_if_name(name)) return;
  const std::string wanted = "'" + std::string(name) + "'";
  if (is(Token::end)) fail("unexpected end of template, expected " + wanted + ".", current().line);
  fail("expected token " + wanted + ", got '" + describe(current()) + "'", current().line);
}

Block Parser::parse_template() {
  if (is(Token::error)) fail(current().text, current().line);
  return statements_until({});
}

// Statements up to one of the end tags, whose name is then the current token, or up to the end of the
// template when there are none.
Block Parser::statements_until(Names ends) {
  const Nested nested(*this);
  Block body;
  std::unique_ptr<OutputStmt> output;
  const auto piece = [&](int line) -> OutputStmt::Piece& {
    if (!output) output = std::make_unique<OutputStmt>(line);
    return output->pieces.emplace_back();
  };
  while (!is(Token::end)) {
    const Lexeme& token = next();
    if (token.type == Token::data) {
      piece(token.line).text = token.text;
    } else if (token.type == Token::variable_begin) {
      ExprPtr value = tuple({});
      piece(token.line).expr = std::move(value);
      expect(Token::variable_end);
    } else {
      if (output) body.push_back(std::move(output));
      output.reset();
      if (std::any_of(ends.begin(), ends.end(), [this](std::string_view end) { return is_name(end); }))
        return body;
      body.push_back(statement());
      expect(Token::block_end);
    }
  }
  if (output) body.push_back(std::move(output));
  return body;
}

// The body of a tag, through the name of its end tag (not consumed).
Block Parser::body_until(Names ends) {
  skip_if(Token::colon);
  expect(Token::block_end);
  Block body = statements_until(ends);
  if (!is(Token::end)) return body;
  std::string wanted;
  for (const std::string_view end : ends) wanted += (wanted.empty() ? "'" : " or '") + std::string(end) + "'";
  fail("Unexpected end of template. Jinja was looking for the following tags: " + wanted +
           ". The innermost block that needs to be closed is '" + open_tags_.back() + "'.",
       current().line);
}

void Parser::unknown_tag(const std::string& name, int line) {
  for (const std::string_view tag : {"include", "import", "from", "extends", "block", "autoescape"}) {
    if (name == tag) fail("the tag '" + name + "' is not supported in chat templates", line);
  }
  std::string message = "Encountered unknown tag '" + name + "'.";
  if (!open_tags_.empty()) {
    message += " The innermost block that needs to be closed is '" + open_tags_.back() + "'.";
  }
  fail(message, line);
}

std::unique_ptr<Stmt> Parser::statement() {
  const Lexeme& token = current();
  if (token.type != Token::name) fail("tag name expected", token.line);
  struct Tag {
    std::string_view name;
    std::unique_ptr<Stmt> (Parser::*parse)();
  };
  static constexpr Tag kTags[] = {
      {"set", &Parser::set},     {"for", &Parser::for_loop},          {"if", &Parser::if_chain},
      {"macro", &Parser::macro}, {"call", &Parser::call_block},       {"filter", &Parser::filter_block},
      {"with", &Parser::with},   {"generation", &Parser::generation}, {"print", &Parser::print},
  };
  if (token.text == "break" || token.text == "continue") {
    next();
    return std::make_unique<Stmt>(token.text == "break" ? Stmt::Kind::break_loop : Stmt::Kind::continue_loop,
                                  token.line);
  }
  for (const Tag& tag : kTags) {
    if (token.text != tag.name) continue;
    open_tags_.emplace_back(token.text);
    auto node = (this->*tag.parse)();
    open_tags_.pop_back();
    return node;
  }
  unknown_tag(token.text, token.line);
}

std::unique_ptr<Stmt> Parser::set() {
  const int line = next().line;
  ExprPtr target = assign_target(true);
  if (skip_if(Token::assign)) {
    auto node = std::make_unique<SetStmt>(line);
    node->target = std::move(target);
    node->value = tuple({});
    return node;
  }
  auto node = std::make_unique<SetBlockStmt>(line);
  node->target = std::move(target);
  node->filter = filter(nullptr, false);
  node->body = body_until({"endset"});
  next();
  return node;
}

namespace {

// A second set of variables for the same target.
ExprPtr clone_target(const Expr& target) {
  if (target.kind == Expr::Kind::name) {
    return std::make_unique<NameExpr>(target.line, static_cast<const NameExpr&>(target).name);
  }
  auto copy = std::make_unique<ItemsExpr>(Expr::Kind::tuple, target.line);
  for (const ExprPtr& item : static_cast<const ItemsExpr&>(target).items)
    copy->items.push_back(clone_target(*item));
  return copy;
}

}  // namespace

std::unique_ptr<Stmt> Parser::for_loop() {
  auto node = std::make_unique<ForStmt>(next().line);
  node->target = assign_target(false, "in");
  expect_name("in");
  node->items = tuple({.conditional = false, .end = "recursive"});
  if (skip_if_name("if")) {
    node->test = expression();
    node->test_target = clone_target(*node->target);
  }
  if (is_name("recursive")) fail("recursive loops are not supported in chat templates", current().line);
  node->body = body_until({"endfor", "else"});
  if (next().text == "else") {
    node->otherwise = body_until({"endfor"});
    next();
  }
  return node;
}

std::unique_ptr<Stmt> Parser::if_chain() {
  auto node = std::make_unique<IfStmt>(next().line);
  for (;;) {
    ExprPtr test = tuple({.conditional = false});
    node->branches.emplace_back(std::move(test), body_until({"elif", "else", "endif"}));
    const std::string& end = next().text;
    if (end == "elif") continue;
    if (end == "else") {
      node->otherwise = body_until({"endif"});
      next();
    }
    return node;
  }
}

void Parser::signature(Function& function) {
  expect(Token::lparen);
  while (!is(Token::rparen)) {
    if (!function.parameters.empty()) expect(Token::comma);
    const int line = current().line;
    std::string name = target_name();
    for (const auto& other : function.parameters) {
      if (other->name == name) fail("duplicate argument '" + name + "' in the macro's signature", line);
    }
    function.parameters.push_back(std::make_unique<NameExpr>(line, std::move(name)));
    if (skip_if(Token::assign)) {
      function.defaults.push_back(expression());
    } else if (!function.defaults.empty()) {
      fail("non-default argument follows default argument", current().line);
    }
  }
  expect(Token::rparen);
}

std::unique_ptr<Stmt> Parser::macro() {
  auto node = std::make_unique<MacroStmt>(next().line);
  node->function.line = node->line;
  node->function.name = target_name();
  signature(node->function);
  node->function.body = body_until({"endmacro"});
  next();
  return node;
}

std::unique_ptr<Stmt> Parser::call_block() {
  auto node = std::make_unique<CallBlockStmt>(next().line);
  node->function.line = node->line;
  if (is(Token::lparen)) signature(node->function);
  node->call = expression();
  if (node->call->kind != Expr::Kind::call) fail("expected call", node->line);
  node->function.body = body_until({"endcall"});
  next();
  return node;
}

std::unique_ptr<Stmt> Parser::filter_block() {
  auto node = std::make_unique<FilterBlockStmt>(next().line);
  node->filter = filter(nullptr, true);
  node->body = body_until({"endfilter"});
  next();
  return node;
}

std::unique_ptr<Stmt> Parser::with() {
  auto node = std::make_unique<WithStmt>(next().line);
  while (!is(Token::block_end)) {
    if (!node->targets.empty()) expect(Token::comma);
    node->targets.push_back(assign_target(false));
    expect(Token::assign);
    node->values.push_back(expression());
  }
  node->body = body_until({"endwith"});
  next();
  return node;
}

std::unique_ptr<Stmt> Parser::generation() {
  auto node = std::make_unique<ScopeStmt>(next().line);
  node->body = body_until({"endgeneration"});
  next();
  return node;
}

std::unique_ptr<Stmt> Parser::print() {
  auto node = std::make_unique<OutputStmt>(next().line);
  while (!is(Token::block_end)) {
    if (!node->pieces.empty()) expect(Token::comma);
    ExprPtr value = expression();
    node->pieces.emplace_back().expr = std::move(value);
  }
  return node;
}

ExprPtr Parser::assign_target(bool with_namespace, std::string_view end) {
  ExprPtr target = tuple({.simple = true, .end = end, .with_namespace = with_namespace});
  check_target(*target);
  return target;
}

void Parser::check_target(const Expr& target) {
  if (target.kind == Expr::Kind::name || target.kind == Expr::Kind::attribute_target) return;
  if (target.kind != Expr::Kind::tuple) fail("can't assign to this expression", target.line);
  for (const ExprPtr& item : static_cast<const ItemsExpr&>(target).items) check_target(*item);
}

std::string Parser::target_name() {
  const Lexeme& token = expect(Token::name);
  for (const std::string_view word : {"true", "false", "none", "True", "False", "None"}) {
    if (token.text == word) fail("can't assign to 'const'", token.line);
  }
  return token.text;
}

}  // namespace swift::text::jinja
