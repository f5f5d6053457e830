// Tokens to syntax tree, with jinja2's grammar plus the tags break, continue and generation.
#pragma once
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace swift::text::jinja {

class Parser {
 public:
  explicit Parser(std::vector<Lexeme> tokens) : tokens_(std::move(tokens)) {}
  // The statements of the whole template. Throws SyntaxError.
  Block parse_template();

 private:
  using Names = std::initializer_list<std::string_view>;

  // statements
  Block statements_until(Names ends);
  Block body_until(Names ends);
  std::unique_ptr<Stmt> statement();
  std::unique_ptr<Stmt> set();
  std::unique_ptr<Stmt> for_loop();
  std::unique_ptr<Stmt> if_chain();
  std::unique_ptr<Stmt> macro();
  std::unique_ptr<Stmt> call_block();
  std::unique_ptr<Stmt> filter_block();
  std::unique_ptr<Stmt> with();
  std::unique_ptr<Stmt> generation();
  std::unique_ptr<Stmt> print();
  void signature(Function& function);
  [[noreturn]] void unknown_tag(const std::string& name, int line);

  // expressions
  ExprPtr expression(bool conditional = true);
  ExprPtr conditional();
  ExprPtr logic_or();
  ExprPtr logic_and();
  ExprPtr logic_not();
  ExprPtr comparison();
  ExprPtr sum();
  ExprPtr concat();
  ExprPtr product();
  ExprPtr power();
  ExprPtr unary(bool with_filter = true);
  ExprPtr primary(bool with_namespace = false);
  ExprPtr postfix(ExprPtr node);
  ExprPtr filters_and_tests(ExprPtr node);
  ExprPtr subscript(ExprPtr node);
  ExprPtr subscript_item();
  ExprPtr call(ExprPtr callee);
  ExprPtr filter(ExprPtr subject, bool inline_start);
  ExprPtr test(ExprPtr subject);
  ExprPtr list();
  ExprPtr dict();
  Arguments arguments();
  struct TupleRules {
    bool simple = false;  // names and literals only
    bool conditional = true;
    std::string_view end = {};  // a name that ends the tuple
    bool parentheses = false;
    bool with_namespace = false;
  };
  ExprPtr tuple(const TupleRules& rules);
  ExprPtr assign_target(bool with_namespace, std::string_view end = {});
  std::string target_name();
  void check_target(const Expr& target);
  bool tuple_ends(std::string_view end) const;
  std::string dotted_name();
  void adopt(Expr& parent, const ExprPtr& child) const;
  void adopt(Expr& parent, const Arguments& args) const;
  ExprPtr binary(Expr::Kind kind, Op op, int line, ExprPtr left, ExprPtr right) const;

  // tokens
  const Lexeme& current() const { return tokens_[pos_]; }
  const Lexeme& ahead() const { return tokens_[std::min(pos_ + 1, tokens_.size() - 1)]; }
  const Lexeme& next();
  bool is(Token type) const { return current().type == type; }
  bool is_name(std::string_view name) const { return is(Token::name) && current().text == name; }
  bool skip_if(Token type);
  bool skip_if_name(std::string_view name);
  const Lexeme& expect(Token type);
  void expect_name(std::string_view name);
  [[noreturn]] void fail(const std::string& message, int line) const { throw SyntaxError(message, line); }

  std::vector<Lexeme> tokens_;
  size_t pos_ = 0;
  int nesting_ = 0;
  std::vector<std::string> open_tags_;
  struct Nested;
};

}  // namespace swift::text::jinja
