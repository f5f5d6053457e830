// Finds the special names (loop, caller, kwargs, varargs) that a body uses.
#include "text/jinja/symbols.h"
#include "text/jinja/walk.h"

namespace swift::text::jinja {
namespace {

class Finder {
 public:
  explicit Finder(std::set<std::string> names) : names_(std::move(names)) {}
  std::set<std::string> found;

  void block(const Block& body) {
    for (const auto& node : body) statement(*node);
  }

 private:
  void read(const Expr* expr) {
    if (!expr) return;
    if (expr->kind == Expr::Kind::name) {
      const std::string& name = static_cast<const NameExpr*>(expr)->name;
      if (names_.count(name)) found.insert(name);
      return;
    }
    for_each_child(*expr, [this](const Expr* child) { read(child); });
  }

  void write(const Expr& target) {
    if (target.kind == Expr::Kind::name) names_.erase(static_cast<const NameExpr&>(target).name);
    if (target.kind != Expr::Kind::tuple) return;
    for (const ExprPtr& item : static_cast<const ItemsExpr&>(target).items) write(*item);
  }

  void function(const Function& function) {
    for (const auto& parameter : function.parameters) names_.erase(parameter->name);
    for (const ExprPtr& value : function.defaults) read(value.get());
    block(function.body);
  }

  void loop(const ForStmt& node) {
    write(*node.target);
    read(node.items.get());
    block(node.body);
    block(node.otherwise);
    read(node.test.get());
  }

  void statement(const Stmt& node) {
    switch (node.kind) {
      case Stmt::Kind::output:
        for (const auto& piece : static_cast<const OutputStmt&>(node).pieces) read(piece.expr.get());
        return;
      case Stmt::Kind::set:
        write(*static_cast<const SetStmt&>(node).target);
        read(static_cast<const SetStmt&>(node).value.get());
        return;
      case Stmt::Kind::set_block:
        write(*static_cast<const SetBlockStmt&>(node).target);
        read(static_cast<const SetBlockStmt&>(node).filter.get());
        block(static_cast<const SetBlockStmt&>(node).body);
        return;
      case Stmt::Kind::for_loop:
        loop(static_cast<const ForStmt&>(node));
        return;
      case Stmt::Kind::if_chain:
        for (const auto& [test, body] : static_cast<const IfStmt&>(node).branches) {
          read(test.get());
          block(body);
        }
        block(static_cast<const IfStmt&>(node).otherwise);
        return;
      case Stmt::Kind::macro:
        function(static_cast<const MacroStmt&>(node).function);
        return;
      case Stmt::Kind::call_block:
        read(static_cast<const CallBlockStmt&>(node).call.get());
        function(static_cast<const CallBlockStmt&>(node).function);
        return;
      case Stmt::Kind::filter_block:
        block(static_cast<const FilterBlockStmt&>(node).body);
        read(static_cast<const FilterBlockStmt&>(node).filter.get());
        return;
      case Stmt::Kind::with:
        for (const ExprPtr& target : static_cast<const WithStmt&>(node).targets) write(*target);
        for (const ExprPtr& value : static_cast<const WithStmt&>(node).values) read(value.get());
        block(static_cast<const WithStmt&>(node).body);
        return;
      case Stmt::Kind::scope:
        block(static_cast<const ScopeStmt&>(node).body);
        return;
      default:
        return;
    }
  }

  std::set<std::string> names_;
};

}  // namespace

std::set<std::string> undeclared(const Block& block, std::set<std::string> names) {
  Finder finder(std::move(names));
  finder.block(block);
  return std::move(finder.found);
}

}  // namespace swift::text::jinja
