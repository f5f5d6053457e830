// Statements.
#include "text/jinja/interpreter.h"

#include "text/jinja/globals.h"
#include "text/jinja/iterate.h"
#include "text/jinja/loop.h"
#include "text/jinja/print.h"

namespace swift::text::jinja {
namespace {

// The items of `for … if`: the test runs when an item is asked for.
struct FilteredIterator : Iterator {
  FilteredIterator(const ForStmt& n, std::shared_ptr<Iterator> i, std::shared_ptr<Activation> v)
      : node(n), items(std::move(i)), variables(std::move(v)) {}
  bool next(Runtime& rt, Value& out) override {
    const DepthGuard guard(rt);
    Interpreter interpreter(rt, variables);
    Value item;
    while (items->next(rt, item)) {
      interpreter.assign(*node.test_target, item);
      if (!truthy(interpreter.eval(*node.test))) continue;
      out = item;
      return true;
    }
    return false;
  }
  const ForStmt& node;
  std::shared_ptr<Iterator> items;
  std::shared_ptr<Activation> variables;
};

}  // namespace

Value& Interpreter::variable(Slot slot) {
  Activation* at = variables_.get();
  for (int i = 0; i < slot.hops; ++i) at = at->outer.get();
  return at->slots[static_cast<size_t>(slot.index)];
}

void Interpreter::enter(const Scope& scope) {
  for (const Load& load : scope) {
    Value value;
    if (load.source == Load::Source::outer) {
      value = variable(load.outer);
    } else if (load.source == Load::Source::variables) {
      const auto found = rt_.variables.find(load.name);
      value = found != rt_.variables.end() ? found->second : find_global(load.name);
    }
    variables_->slots[static_cast<size_t>(load.slot)] = std::move(value);
  }
}

Interpreter::Flow Interpreter::run(const Block& block, std::string& out) {
  for (const auto& node : block) {
    const Flow flow = run(*node, out);
    if (flow != Flow::next) return flow;
  }
  return Flow::next;
}

Interpreter::Flow Interpreter::run(const Stmt& node, std::string& out) {
  const DepthGuard guard(rt_);
  rt_.step();
  rt_.line = node.line;
  switch (node.kind) {
    case Stmt::Kind::output:
      output(static_cast<const OutputStmt&>(node), out);
      return Flow::next;
    case Stmt::Kind::set: {
      const auto& set = static_cast<const SetStmt&>(node);
      assign(*set.target, eval(*set.value));
      return Flow::next;
    }
    case Stmt::Kind::set_block:
      return set_block(static_cast<const SetBlockStmt&>(node));
    case Stmt::Kind::for_loop:
      return for_loop(static_cast<const ForStmt&>(node), out);
    case Stmt::Kind::if_chain:
      return if_chain(static_cast<const IfStmt&>(node), out);
    case Stmt::Kind::macro: {
      const auto& macro = static_cast<const MacroStmt&>(node);
      variable(macro.slot) = make_macro(macro.function);
      return Flow::next;
    }
    case Stmt::Kind::call_block:
      call_block(static_cast<const CallBlockStmt&>(node), out);
      return Flow::next;
    case Stmt::Kind::filter_block:
      return filter_block(static_cast<const FilterBlockStmt&>(node), out);
    case Stmt::Kind::with:
      return with(static_cast<const WithStmt&>(node), out);
    case Stmt::Kind::scope: {
      const auto& scope = static_cast<const ScopeStmt&>(node);
      enter(scope.scope);
      return run(scope.body, out);
    }
    case Stmt::Kind::break_loop:
      return Flow::break_loop;
    case Stmt::Kind::continue_loop:
      return Flow::continue_loop;
  }
  return Flow::next;
}

void Interpreter::append(std::string& out, const Value& value) {
  append_text(rt_, value, out);
  if (out.size() > kMaxText) throw Fault("the template prints more than 64 MiB");
}

void Interpreter::output(const OutputStmt& node, std::string& out) {
  for (const auto& piece : node.pieces) {
    if (piece.expr) {
      rt_.line = piece.expr->line;
      append(out, eval(*piece.expr));
    } else {
      rt_.allocate(piece.text.size());
      out += piece.text;
    }
  }
  if (out.size() > kMaxText) throw Fault("the template prints more than 64 MiB");
}

void Interpreter::assign(const Expr& target, Value value) {
  if (target.kind == Expr::Kind::name) {
    variable(static_cast<const NameExpr&>(target).slot) = std::move(value);
    return;
  }
  if (target.kind == Expr::Kind::attribute_target) {
    const auto& member = static_cast<const AttributeTarget&>(target);
    const Value& owner = variable(member.slot);
    if (!owner.is(Kind::name_space)) throw Fault("cannot assign attribute on non-namespace object");
    rt_.allocate(sizeof(Value));
    owner.as<Namespace>().set(member.attribute, std::move(value));
    return;
  }
  const auto& targets = static_cast<const ItemsExpr&>(target).items;
  if (!iterable(value))
    throw Fault(std::string("cannot unpack non-iterable ") + type_name(value) + " object");
  const auto items = iterate(rt_, value);
  std::vector<Value> values;
  Value item;
  while (values.size() <= targets.size() && items->next(rt_, item)) values.push_back(item);
  if (values.size() > targets.size()) {
    throw Fault("too many values to unpack (expected " + std::to_string(targets.size()) + ")");
  }
  if (values.size() < targets.size()) {
    throw Fault("not enough values to unpack (expected " + std::to_string(targets.size()) + ", got " +
                std::to_string(values.size()) + ")");
  }
  for (size_t i = 0; i < targets.size(); ++i) assign(*targets[i], std::move(values[i]));
}

Interpreter::Flow Interpreter::set_block(const SetBlockStmt& node) {
  enter(node.scope);
  std::string text;
  const Flow flow = run(node.body, text);
  if (flow != Flow::next) return flow;
  Value value = make_text(rt_, std::move(text));
  if (node.filter) value = filter(static_cast<const FilterExpr&>(*node.filter), &value);
  assign(*node.target, std::move(value));
  return Flow::next;
}

Interpreter::Flow Interpreter::if_chain(const IfStmt& node, std::string& out) {
  for (const auto& [test, body] : node.branches) {
    rt_.line = test->line;
    if (truthy(eval(*test))) return run(body, out);
  }
  return run(node.otherwise, out);
}

std::shared_ptr<Iterator> Interpreter::filtered(const ForStmt& node, std::shared_ptr<Iterator> items) {
  const int depth = items->depth;
  auto iterator = std::make_shared<FilteredIterator>(node, std::move(items), variables_);
  iterator->depth = deeper(depth);
  enter(node.test_scope);
  return iterator;
}

Interpreter::Flow Interpreter::for_loop(const ForStmt& node, std::string& out) {
  Value source = eval(*node.items);
  std::shared_ptr<Iterator> items = iterate(rt_, source);
  if (node.test) {
    items = filtered(node, std::move(items));
    source = Value();
  }
  std::shared_ptr<Loop> loop;
  if (node.loop_slot >= 0) loop = std::make_shared<Loop>(rt_, source, items);
  bool empty = true;
  Value item;
  Flow flow = Flow::next;
  while (loop ? loop->advance(rt_, item) : items->next(rt_, item)) {
    rt_.step();
    empty = false;
    assign(*node.target, std::move(item));
    if (loop) variables_->slots[static_cast<size_t>(node.loop_slot)] = Value::of(Kind::loop, loop);
    enter(node.scope);
    flow = run(node.body, out);
    if (flow == Flow::break_loop) break;
    rt_.line = node.line;
  }
  if (loop) variables_->slots[static_cast<size_t>(node.loop_slot)] = Value();
  if (!empty) return Flow::next;
  enter(node.otherwise_scope);
  return run(node.otherwise, out);
}

// What a filter block or call block gives must be text, as in jinja2.
void Interpreter::append_result(std::string& out, const Value& value) {
  if (!value.is(Kind::string))
    throw Fault(std::string("expected str instance, ") + type_name(value) + " found");
  append(out, value);
}

Interpreter::Flow Interpreter::filter_block(const FilterBlockStmt& node, std::string& out) {
  enter(node.scope);
  std::string text;
  const Flow flow = run(node.body, text);
  if (flow != Flow::next) return flow;
  const Value captured = make_text(rt_, std::move(text));
  append_result(out, filter(static_cast<const FilterExpr&>(*node.filter), &captured));
  return Flow::next;
}

Interpreter::Flow Interpreter::with(const WithStmt& node, std::string& out) {
  enter(node.scope);
  for (size_t i = 0; i < node.targets.size(); ++i) assign(*node.targets[i], eval(*node.values[i]));
  return run(node.body, out);
}

Value Interpreter::make_macro(const Function& function) {
  rt_.allocate(sizeof(Macro));
  return Value::of(Kind::callable, std::make_shared<Macro>(function, variables_));
}

void Interpreter::call_block(const CallBlockStmt& node, std::string& out) {
  const Value caller = make_macro(node.function);
  append_result(out, call(static_cast<const CallExpr&>(*node.call), &caller));
}

std::string run_program(Runtime& rt, const Function& program) {
  auto variables = std::make_shared<Activation>();
  variables->slots.resize(static_cast<size_t>(program.slots));
  rt.keep(variables);
  Interpreter interpreter(rt, std::move(variables));
  interpreter.enter(program.scope);
  std::string out;
  interpreter.run(program.body, out);
  return out;
}

}  // namespace swift::text::jinja
