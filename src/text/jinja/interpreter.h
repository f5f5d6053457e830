// Runs bound syntax trees.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {

// The variables of one call of a function.
struct Activation : Object {
  std::vector<Value> slots;
  std::shared_ptr<Activation> outer;  // of the function around this one
  void release() override {
    slots.clear();
    outer.reset();
  }
};

class Interpreter {
 public:
  Interpreter(Runtime& rt, std::shared_ptr<Activation> variables)
      : rt_(rt), variables_(std::move(variables)) {}

  enum class Flow : uint8_t { next, break_loop, continue_loop };
  void enter(const Scope& scope);
  Flow run(const Block& block, std::string& out);
  Value eval(const Expr& expr);
  void assign(const Expr& target, Value value);
  Value& variable(Slot slot);

 private:
  // statements
  Flow run(const Stmt& node, std::string& out);
  void output(const OutputStmt& node, std::string& out);
  void append(std::string& out, const Value& value);
  void append_result(std::string& out, const Value& value);
  Flow set_block(const SetBlockStmt& node);
  Flow for_loop(const ForStmt& node, std::string& out);
  Flow if_chain(const IfStmt& node, std::string& out);
  Flow filter_block(const FilterBlockStmt& node, std::string& out);
  Flow with(const WithStmt& node, std::string& out);
  void call_block(const CallBlockStmt& node, std::string& out);
  Value make_macro(const Function& function);
  std::shared_ptr<Iterator> filtered(const ForStmt& node, std::shared_ptr<Iterator> items);

  // expressions
  Value name(const NameExpr& node);
  Value sequence(const ItemsExpr& node);
  Value dict(const DictExpr& node);
  Value unary(const UnaryExpr& node);
  Value logic(const BinaryExpr& node);
  Value comparison(const ComparisonExpr& node);
  Value concat(const ItemsExpr& node);
  Value subscript(const SubscriptExpr& node);
  Value call(const CallExpr& node, const Value* caller = nullptr);
  Value filter(const FilterExpr& node, const Value* captured = nullptr);
  Value test(const TestExpr& node);
  Value conditional(const ConditionalExpr& node);
  void arguments(const Arguments& from, Args& to);

  Runtime& rt_;
  std::shared_ptr<Activation> variables_;
};

// A macro or the body of a call block, with the variables around its definition.
struct Macro : Callable {
  Macro(const Function& f, std::shared_ptr<Activation> o) : function(f), outer(std::move(o)) {}
  Value call(Runtime& rt, Args& args) override;
  std::string repr() const override;
  Value attribute(std::string_view name) const override;
  const Function& function;
  std::shared_ptr<Activation> outer;
};

// Runs a whole template with the variables of the runtime; the text it prints.
std::string run_program(Runtime& rt, const Function& program);

}  // namespace swift::text::jinja
