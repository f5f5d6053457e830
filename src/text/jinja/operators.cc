#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/callables.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

const char* symbol(Op op) {
  switch (op) {
    case Op::add:
      return "+";
    case Op::sub:
      return "-";
    case Op::mul:
      return "*";
    case Op::div:
      return "/";
    case Op::floordiv:
      return "//";
    case Op::mod:
      return "%";
    default:
      return "** or pow()";
  }
}

[[noreturn]] void unsupported(Op op, const Value& a, const Value& b) {
  for (const Value* side : {&a, &b}) {
    if (side->is(Kind::undefined)) throw Fault(side->as<Undefined>().message);
  }
  if (op == Op::add && a.is(Kind::string)) {
    throw Fault(std::string("can only concatenate str (not \"") + type_name(b) + "\") to str");
  }
  throw Fault(std::string("unsupported operand type(s) for ") + symbol(op) + ": '" + type_name(a) +
              "' and '" + type_name(b) + "'");
}

[[noreturn]] void overflow() {
  throw Fault("the integer does not fit in 64 bits");
}

int64_t floor_divide(int64_t a, int64_t b) {
  if (b == -1) {
    if (a == INT64_MIN) overflow();
    return -a;
  }
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t floor_modulo(int64_t a, int64_t b) {
  if (b == -1) return 0;
  const int64_t rest = a % b;
  return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
}

int64_t integer_power(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) && __builtin_mul_overflow(result, base, &result)) overflow();
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) overflow();
  }
  return result;
}

Value real_power(double a, double b) {
  if (a == 0 && b < 0) throw Fault("0.0 cannot be raised to a negative power");
  if (a < 0 && b != std::floor(b) && std::isfinite(a) && std::isfinite(b)) {
    throw Fault("powers that are complex numbers are not supported");
  }
  const double result = std::pow(a, b);
  if (std::isinf(result) && std::isfinite(a) && std::isfinite(b))
    throw Fault("(34, 'Numerical result out of range')");
  return Value::real(result);
}

// An integer result, when both are integers and the operator gives one.
Value integers(Op op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Op::add:
      if (__builtin_add_overflow(a, b, &result)) overflow();
      return Value::integer(result);
    case Op::sub:
      if (__builtin_sub_overflow(a, b, &result)) overflow();
      return Value::integer(result);
    case Op::mul:
      if (__builtin_mul_overflow(a, b, &result)) overflow();
      return Value::integer(result);
    case Op::floordiv:
      if (b == 0) throw Fault("integer division or modulo by zero");
      return Value::integer(floor_divide(a, b));
    case Op::mod:
      if (b == 0) throw Fault("integer modulo by zero");
      return Value::integer(floor_modulo(a, b));
    case Op::pow:
      if (b >= 0) return Value::integer(integer_power(a, b));
      return real_power(static_cast<double>(a), static_cast<double>(b));
    default:
      if (b == 0) throw Fault("division by zero");
      return Value::real(static_cast<double>(a) / static_cast<double>(b));
  }
}

Value reals(Op op, double a, double b) {
  switch (op) {
    case Op::add:
      return Value::real(a + b);
    case Op::sub:
      return Value::real(a - b);
    case Op::mul:
      return Value::real(a * b);
    case Op::pow:
      return real_power(a, b);
    default:
      break;
  }
  if (b == 0)
    throw Fault(op == Op::div   ? "float division by zero"
                : op == Op::mod ? "float modulo"
                                : "float floor division by zero");
  if (op == Op::div) return Value::real(a / b);
  double rest = std::fmod(a, b);
  double quotient = (a - rest) / b;
  if (rest != 0 ? (rest < 0) != (b < 0) : false) {
    rest += b;
    quotient -= 1;
  }
  if (rest == 0) rest = std::copysign(0.0, b);
  if (op == Op::mod) return Value::real(rest);
  double whole = quotient == 0 ? std::copysign(0.0, a / b) : std::floor(quotient);
  if (quotient != 0 && quotient - whole > 0.5) whole += 1;
  return Value::real(whole);
}

Value add_texts(Runtime& rt, const Value& a, const Value& b) {
  if (!a.is_markup() && !b.is_markup()) {
    rt.allocate_text(a.as_text().size() + b.as_text().size());
    return Value::text(a.as_text() + b.as_text());
  }
  // Markup escapes what is added to it.
  return make_text(rt, escape(rt, a).as_text() + escape(rt, b).as_text(), true);
}

Value repeat(Runtime& rt, const Value& value, int64_t times) {
  const auto count = static_cast<size_t>(std::max<int64_t>(times, 0));
  if (value.is(Kind::string)) {
    const std::string& text = value.as_text();
    if (!text.empty() && count > kMaxText / text.size())
      throw Fault("the template creates a text of more than 64 MiB");
    std::string out;
    rt.allocate_text(text.size() * count);
    out.reserve(text.size() * count);
    for (size_t i = 0; !text.empty() && i < count; ++i) out += text;
    return Value::text(std::move(out), value.is_markup());
  }
  const auto& items = value.as<Sequence>().items;
  if (!items.empty() && count > kMaxMemory / sizeof(Value) / items.size()) {
    throw Fault("the template creates too much data (more than 1 GiB)");
  }
  rt.allocate(items.size() * count * sizeof(Value));
  std::vector<Value> out;
  for (size_t i = 0; !items.empty() && i < count; ++i) out.insert(out.end(), items.begin(), items.end());
  return value.is(Kind::list) ? make_list(rt, std::move(out)) : make_tuple(rt, std::move(out));
}

bool repeatable(const Value& value) {
  return value.is(Kind::string) || value.is(Kind::list) || value.is(Kind::tuple);
}

}  // namespace

Value arithmetic(Runtime& rt, Op op, const Value& a, const Value& b) {
  if (op == Op::add && a.is(Kind::string) && b.is(Kind::string)) return add_texts(rt, a, b);
  if (a.is_integral() && b.is_integral()) return integers(op, a.as_int(), b.as_int());
  if (a.is_number() && b.is_number()) return reals(op, a.as_real(), b.as_real());
  if (op == Op::mod && a.is(Kind::string)) return format_percent(rt, a, b);
  if (op == Op::mul && repeatable(a) && b.is_integral()) return repeat(rt, a, b.as_int());
  if (op == Op::mul && repeatable(b) && a.is_integral()) return repeat(rt, b, a.as_int());
  if (op == Op::add && a.kind() == b.kind() && (a.is(Kind::list) || a.is(Kind::tuple))) {
    std::vector<Value> items = a.as<Sequence>().items;
    const auto& more = b.as<Sequence>().items;
    rt.allocate((items.size() + more.size()) * sizeof(Value));
    items.insert(items.end(), more.begin(), more.end());
    return a.is(Kind::list) ? make_list(rt, std::move(items)) : make_tuple(rt, std::move(items));
  }
  unsupported(op, a, b);
}

Value signed_value(Op op, const Value& a) {
  if (a.is(Kind::real)) return Value::real(op == Op::neg ? -a.as_real() : a.as_real());
  if (a.is_integral()) {
    if (op == Op::neg && a.as_int() == INT64_MIN) overflow();
    return Value::integer(op == Op::neg ? -a.as_int() : a.as_int());
  }
  if (a.is(Kind::undefined)) throw Fault(a.as<Undefined>().message);
  throw Fault(std::string("bad operand type for unary ") + (op == Op::neg ? "-" : "+") + ": '" +
              type_name(a) + "'");
}

}  // namespace swift::text::jinja
