#include "text/jinja/attributes.h"
#include "text/jinja/compare.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/iterate.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"

namespace swift::text::jinja {

Value Interpreter::eval(const Expr& expr) {
  const DepthGuard guard(rt_);
  rt_.step();
  switch (expr.kind) {
    case Expr::Kind::constant:
      return static_cast<const ConstantExpr&>(expr).value;
    case Expr::Kind::name:
      return name(static_cast<const NameExpr&>(expr));
    case Expr::Kind::tuple:
    case Expr::Kind::list:
      return sequence(static_cast<const ItemsExpr&>(expr));
    case Expr::Kind::dict:
      return dict(static_cast<const DictExpr&>(expr));
    case Expr::Kind::unary:
      return unary(static_cast<const UnaryExpr&>(expr));
    case Expr::Kind::binary: {
      const auto& node = static_cast<const BinaryExpr&>(expr);
      const Value left = eval(*node.left);
      return arithmetic(rt_, node.op, left, eval(*node.right));
    }
    case Expr::Kind::logic:
      return logic(static_cast<const BinaryExpr&>(expr));
    case Expr::Kind::comparison:
      return comparison(static_cast<const ComparisonExpr&>(expr));
    case Expr::Kind::concat:
      return concat(static_cast<const ItemsExpr&>(expr));
    case Expr::Kind::attribute: {
      const auto& node = static_cast<const AttributeExpr&>(expr);
      return get_attribute(rt_, eval(*node.object), node.name);
    }
    case Expr::Kind::subscript:
      return subscript(static_cast<const SubscriptExpr&>(expr));
    case Expr::Kind::call:
      return call(static_cast<const CallExpr&>(expr));
    case Expr::Kind::filter:
      return filter(static_cast<const FilterExpr&>(expr));
    case Expr::Kind::test:
      return test(static_cast<const TestExpr&>(expr));
    case Expr::Kind::conditional:
      return conditional(static_cast<const ConditionalExpr&>(expr));
    case Expr::Kind::slice:
    case Expr::Kind::attribute_target:
      break;
  }
  throw Fault("this expression has no value");
}

Value Interpreter::name(const NameExpr& node) {
  if (node.slot.index < 0) return undefined_name(node.name);
  const Value& value = variable(node.slot);
  return value.is(Kind::missing) ? undefined_name(node.name) : value;
}

Value Interpreter::sequence(const ItemsExpr& node) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const ExprPtr& item : node.items) items.push_back(eval(*item));
  return node.kind == Expr::Kind::list ? make_list(rt_, std::move(items)) : make_tuple(rt_, std::move(items));
}

Value Interpreter::dict(const DictExpr& node) {
  auto out = std::make_shared<Dict>();
  for (const auto& [key, value] : node.entries) {
    Value name = eval(*key);
    out->set(rt_, std::move(name), eval(*value));
  }
  return make_dict(rt_, std::move(out));
}

Value Interpreter::unary(const UnaryExpr& node) {
  const Value operand = eval(*node.operand);
  return node.op == Op::not_ ? Value::boolean(!truthy(operand)) : signed_value(node.op, operand);
}

Value Interpreter::logic(const BinaryExpr& node) {
  Value left = eval(*node.left);
  const bool decided = truthy(left) == (node.op == Op::or_);
  return decided ? left : eval(*node.right);
}

namespace {

bool holds(Runtime& rt, Op op, const Value& a, const Value& b) {
  switch (op) {
    case Op::eq:
      return equal(rt, a, b);
    case Op::ne:
      return !equal(rt, a, b);
    case Op::lt:
      return less(rt, a, b);
    case Op::gt:
      return less(rt, b, a, ">");
    case Op::le:
      return less(rt, a, b, "<=") || equal(rt, a, b);
    case Op::ge:
      return less(rt, b, a, ">=") || equal(rt, a, b);
    case Op::in:
      return contains(rt, b, a);
    default:
      return !contains(rt, b, a);
  }
}

}  // namespace

Value Interpreter::comparison(const ComparisonExpr& node) {
  Value left = eval(*node.first);
  for (const auto& [op, expr] : node.rest) {
    Value right = eval(*expr);
    if (!holds(rt_, op, left, right)) return Value::boolean(false);
    left = std::move(right);
  }
  return Value::boolean(true);
}

Value Interpreter::concat(const ItemsExpr& node) {
  std::string out;
  for (const ExprPtr& item : node.items) {
    append_text(rt_, eval(*item), out);
    if (out.size() > kMaxText) throw Fault("the template creates a text of more than 64 MiB");
  }
  return Value::text(std::move(out));
}

Value Interpreter::subscript(const SubscriptExpr& node) {
  const Value object = eval(*node.object);
  if (node.index->kind != Expr::Kind::slice) return get_item(rt_, object, eval(*node.index));
  const auto& slice = static_cast<const SliceExpr&>(*node.index);
  const auto part = [&](const ExprPtr& expr) { return expr ? eval(*expr) : Value::none(); };
  const Value start = part(slice.start);
  const Value stop = part(slice.stop);
  return get_slice(rt_, object, start, stop, part(slice.step));
}

void Interpreter::arguments(const Arguments& from, Args& to) {
  to.positional.reserve(from.positional.size());
  for (const ExprPtr& value : from.positional) to.positional.push_back(eval(*value));
  for (const auto& [name, value] : from.named) to.named.emplace_back(name, eval(*value));
  if (from.star) {
    for (Value& value : to_vector(rt_, eval(*from.star))) to.positional.push_back(std::move(value));
  }
  if (!from.double_star) return;
  const Value extra = eval(*from.double_star);
  if (!extra.is(Kind::dict))
    throw Fault("argument after ** must be a mapping, not " + std::string(type_name(extra)));
  for (const auto& [key, value] : extra.as<Dict>().entries) {
    if (!key.is(Kind::string)) throw Fault("keywords must be strings");
    for (const auto& [name, old] : to.named) {
      if (name == key.as_text()) throw Fault("got multiple values for keyword argument '" + name + "'");
    }
    to.named.emplace_back(key.as_text(), value);
  }
}

Value Interpreter::call(const CallExpr& node, const Value* caller) {
  Args args;
  const auto collect = [&] {
    arguments(node.arguments, args);
    if (caller) args.named.emplace_back("caller", *caller);
    rt_.line = node.line;
  };
  // object.method(…) without making a value of the method.
  if (node.callee->kind == Expr::Kind::attribute) {
    const auto& member = static_cast<const AttributeExpr&>(*node.callee);
    const Value object = eval(*member.object);
    const MethodFn method = find_method(object, member.name);
    if (method) {
      collect();
      return method(rt_, object, args);
    }
    const Value callee = get_attribute(rt_, object, member.name);
    collect();
    return call_value(rt_, callee, args);
  }
  const Value callee = eval(*node.callee);
  collect();
  return call_value(rt_, callee, args);
}

Value Interpreter::filter(const FilterExpr& node, const Value* captured) {
  const Value subject = node.subject ? (captured && node.subject->kind == Expr::Kind::filter
                                            ? filter(static_cast<const FilterExpr&>(*node.subject), captured)
                                            : eval(*node.subject))
                                     : *captured;
  Args args;
  arguments(node.arguments, args);
  rt_.line = node.line;
  if (!node.function) throw Fault("No filter named '" + node.name + "' found.");
  return node.function(rt_, subject, args);
}

Value Interpreter::test(const TestExpr& node) {
  const Value subject = eval(*node.subject);
  Args args;
  arguments(node.arguments, args);
  if (!node.function) throw Fault("No test named '" + node.name + "' found.");
  return Value::boolean(node.function(rt_, subject, args));
}

Value Interpreter::conditional(const ConditionalExpr& node) {
  if (truthy(eval(*node.test))) return eval(*node.then);
  if (node.otherwise) return eval(*node.otherwise);
  return make_undefined("the inline if-expression on line " + std::to_string(node.line) +
                        " evaluated to false and no else section was defined.");
}

}  // namespace swift::text::jinja
