#include "text/jinja/binder.h"

#include "text/jinja/lexer.h"
#include "text/jinja/symbols.h"
#include "text/jinja/walk.h"

namespace swift::text::jinja {
namespace {

// Where a statement or expression stands.
struct Place {
  const Symbols* symbols = nullptr;
  bool soft = false;     // inside an if: unknown filters are errors only when reached
  bool in_loop = false;  // break and continue are allowed
  Place inside(const Symbols& inner) const { return Place{&inner, false, in_loop}; }
  Place function_of(const Symbols& inner) const { return Place{&inner, false, false}; }
  Place softly() const { return Place{symbols, true, in_loop}; }
};

class Binder {
 public:
  void program(Function& function) {
    Symbols symbols(nullptr, {&function, 0});
    collect(function.body, symbols);
    block(function.body, Place{&symbols});
    function.scope = symbols.scope();
  }

 private:
  void block(Block& body, const Place& place) {
    for (auto& node : body) statement(*node, place);
  }
  void statement(Stmt& node, const Place& place);
  void set_block(SetBlockStmt& node, const Place& place);
  void for_loop(ForStmt& node, const Place& place);
  void if_chain(IfStmt& node, const Place& place);
  void function(Function& function, const Place& place, int line);
  void filter_block(FilterBlockStmt& node, const Place& place);
  void with(WithStmt& node, const Place& place);
  void scope(ScopeStmt& node, const Place& place);
  void expr(Expr* node, const Place& place);
  void target(Expr& node, const Place& place);
  void arguments(Arguments& args, const Place& place);
  Symbols inner(const Place& place) { return Symbols(place.symbols, place.symbols->function()); }

  int loops_ = 0;
};

void Binder::arguments(Arguments& args, const Place& place) {
  for_each_argument(args, [&](Expr* value) { expr(value, place); });
}

void Binder::expr(Expr* node, const Place& place) {
  if (!node) return;
  switch (node->kind) {
    case Expr::Kind::name: {
      auto& name = static_cast<NameExpr&>(*node);
      name.slot = place.symbols->slot(name.name);
      return;
    }
    case Expr::Kind::filter: {
      auto& filter = static_cast<FilterExpr&>(*node);
      if (!filter.function && !place.soft)
        throw SyntaxError("No filter named '" + filter.name + "'.", node->line);
      expr(filter.subject.get(), place);
      arguments(filter.arguments, place);
      return;
    }
    case Expr::Kind::test: {
      auto& test = static_cast<TestExpr&>(*node);
      if (!test.function && !place.soft) throw SyntaxError("No test named '" + test.name + "'.", node->line);
      expr(test.subject.get(), place);
      arguments(test.arguments, place);
      return;
    }
    default: {
      const Place inside = node->kind == Expr::Kind::conditional ? place.softly() : place;
      for_each_child(*node, [&](const Expr* child) { expr(const_cast<Expr*>(child), inside); });
    }
  }
}

void Binder::target(Expr& node, const Place& place) {
  if (node.kind == Expr::Kind::name) {
    auto& name = static_cast<NameExpr&>(node);
    if (loops_ > 0 && name.name == "loop") {
      throw SyntaxError("Can't assign to special loop variable in for-loop target", node.line);
    }
    name.slot = place.symbols->slot(name.name);
  } else if (node.kind == Expr::Kind::attribute_target) {
    auto& member = static_cast<AttributeTarget&>(node);
    member.slot = place.symbols->slot(member.name);
  } else {
    for (ExprPtr& item : static_cast<ItemsExpr&>(node).items) target(*item, place);
  }
}

void Binder::set_block(SetBlockStmt& node, const Place& place) {
  Symbols symbols = inner(place);
  collect(node.body, symbols);
  collect(node.filter.get(), symbols);
  const Place inside = place.inside(symbols);
  block(node.body, inside);
  expr(node.filter.get(), inside);
  node.scope = symbols.scope();
  target(*node.target, place);
}

void Binder::for_loop(ForStmt& node, const Place& place) {
  ++loops_;
  Symbols body = inner(place);
  if (undeclared(node.body, {"loop"}).count("loop")) node.loop_slot = body.declare_parameter("loop");
  collect_target(*node.target, body, true);
  collect(node.body, body);
  Symbols otherwise = inner(place);
  collect(node.otherwise, otherwise);
  if (node.test) {
    Symbols test = inner(place);
    collect_target(*node.test_target, test, true);
    collect(node.test.get(), test);
    target(*node.test_target, place.inside(test));
    expr(node.test.get(), place.inside(test));
    node.test_scope = test.scope();
    // The lazily filtered items refer to the variables of the test.
    place.symbols->function().function->captured = true;
  }
  expr(node.items.get(), place);
  Place inside = place.inside(body);
  inside.in_loop = true;
  target(*node.target, inside);
  block(node.body, inside);
  block(node.otherwise, place.inside(otherwise));
  node.scope = body.scope();
  node.otherwise_scope = otherwise.scope();
  --loops_;
}

void Binder::if_chain(IfStmt& node, const Place& place) {
  const Place soft = place.softly();
  for (auto& [test, body] : node.branches) {
    expr(test.get(), soft);
    block(body, soft);
  }
  block(node.otherwise, soft);
}

void Binder::function(Function& function, const Place& place, int line) {
  const FunctionScope outer = place.symbols->function();
  outer.function->captured = true;
  Symbols symbols(place.symbols, {&function, outer.level + 1});
  bool takes_caller = false, takes_kwargs = false, takes_varargs = false;
  for (const auto& parameter : function.parameters) {
    symbols.declare_parameter(parameter->name);
    takes_caller = takes_caller || parameter->name == "caller";
    takes_kwargs = takes_kwargs || parameter->name == "kwargs";
    takes_varargs = takes_varargs || parameter->name == "varargs";
  }
  const std::set<std::string> special = undeclared(function.body, {"caller", "kwargs", "varargs"});
  if (special.count("caller") && !takes_caller) function.caller_slot = symbols.declare_parameter("caller");
  if (special.count("kwargs") && !takes_kwargs) function.kwargs_slot = symbols.declare_parameter("kwargs");
  if (special.count("varargs") && !takes_varargs)
    function.varargs_slot = symbols.declare_parameter("varargs");
  const size_t first_default = function.parameters.size() - function.defaults.size();
  for (size_t i = 0; special.count("caller") && i < first_default; ++i) {
    if (function.parameters[i]->name != "caller") continue;
    throw SyntaxError(
        "When defining macros or call blocks the special \"caller\" argument must be omitted or be given a "
        "default.",
        line);
  }
  for (const ExprPtr& value : function.defaults) collect(value.get(), symbols);
  collect(function.body, symbols);
  const Place inside = place.function_of(symbols);
  for (auto& parameter : function.parameters) parameter->slot = symbols.slot(parameter->name);
  for (ExprPtr& value : function.defaults) expr(value.get(), inside);
  block(function.body, inside);
  function.scope = symbols.scope();
}

void Binder::filter_block(FilterBlockStmt& node, const Place& place) {
  Symbols symbols = inner(place);
  collect(node.body, symbols);
  collect(node.filter.get(), symbols);
  const Place inside = place.inside(symbols);
  block(node.body, inside);
  expr(node.filter.get(), inside);
  node.scope = symbols.scope();
}

void Binder::with(WithStmt& node, const Place& place) {
  Symbols symbols = inner(place);
  for (const ExprPtr& name : node.targets) collect_target(*name, symbols, true);
  collect(node.body, symbols);
  const Place inside = place.inside(symbols);
  const int loops = loops_;
  loops_ = 0;
  for (ExprPtr& name : node.targets) target(*name, inside);
  loops_ = loops;
  for (ExprPtr& value : node.values) expr(value.get(), place);
  block(node.body, inside);
  node.scope = symbols.scope();
}

// jinja2 makes a function of the generation tag's body.
void Binder::scope(ScopeStmt& node, const Place& place) {
  Symbols symbols = inner(place);
  collect(node.body, symbols);
  block(node.body, place.function_of(symbols));
  node.scope = symbols.scope();
}

void Binder::statement(Stmt& node, const Place& place) {
  switch (node.kind) {
    case Stmt::Kind::output:
      for (auto& piece : static_cast<OutputStmt&>(node).pieces) expr(piece.expr.get(), place);
      return;
    case Stmt::Kind::set:
      expr(static_cast<SetStmt&>(node).value.get(), place);
      target(*static_cast<SetStmt&>(node).target, place);
      return;
    case Stmt::Kind::set_block:
      return set_block(static_cast<SetBlockStmt&>(node), place);
    case Stmt::Kind::for_loop:
      return for_loop(static_cast<ForStmt&>(node), place);
    case Stmt::Kind::if_chain:
      return if_chain(static_cast<IfStmt&>(node), place);
    case Stmt::Kind::macro: {
      auto& macro = static_cast<MacroStmt&>(node);
      function(macro.function, place, node.line);
      macro.slot = place.symbols->slot(macro.function.name);
      return;
    }
    case Stmt::Kind::call_block:
      function(static_cast<CallBlockStmt&>(node).function, place, node.line);
      expr(static_cast<CallBlockStmt&>(node).call.get(), place);
      return;
    case Stmt::Kind::filter_block:
      return filter_block(static_cast<FilterBlockStmt&>(node), place);
    case Stmt::Kind::with:
      return with(static_cast<WithStmt&>(node), place);
    case Stmt::Kind::scope:
      return scope(static_cast<ScopeStmt&>(node), place);
    case Stmt::Kind::break_loop:
    case Stmt::Kind::continue_loop:
      if (!place.in_loop) {
        throw SyntaxError(
            node.kind == Stmt::Kind::break_loop ? "'break' outside loop" : "'continue' outside loop",
            node.line);
      }
      return;
  }
}

}  // namespace

void bind(Function& program) {
  Binder().program(program);
}

}  // namespace swift::text::jinja
