#include <cmath>

#include "text/jinja/filter_groups.h"
#include "text/jinja/iterate.h"
#include "text/jinja/number_text.h"
#include "text/jinja/operators.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

[[noreturn]] void too_large() {
  throw Fault("the integer does not fit in 64 bits");
}

// int(real), or the default for NaN; infinities are errors as in Python.
std::optional<int64_t> whole(double value) {
  if (std::isnan(value)) return std::nullopt;
  if (std::isinf(value)) throw Fault("cannot convert float infinity to integer");
  if (!(std::fabs(value) < 9223372036854775808.0)) too_large();
  return static_cast<int64_t>(value);
}

Value to_integer(Runtime&, const Value& subject, Args& args) {
  const Parameters p("int", args, {"default", "base"});
  const Value otherwise = p.has(0) ? p[0] : Value::integer(0);
  if (subject.is(Kind::undefined)) throw Fault(subject.as<Undefined>().message);
  if (subject.is_integral()) return Value::integer(subject.as_int());
  if (subject.is(Kind::real)) {
    const auto value = whole(subject.as_real());
    return value ? Value::integer(*value) : otherwise;
  }
  if (!subject.is(Kind::string)) return otherwise;
  bool beyond = false;
  const int64_t base = std::clamp<int64_t>(p.integer(1, 10), -1, 99);
  if (const auto value = parse_integer(subject.as_text(), static_cast<int>(base), beyond)) {
    if (beyond) too_large();
    return Value::integer(*value);
  }
  const auto real = parse_real(subject.as_text());
  if (!real || !std::isfinite(*real)) return otherwise;
  const auto value = whole(*real);
  return value ? Value::integer(*value) : otherwise;
}

Value to_real(Runtime&, const Value& subject, Args& args) {
  const Parameters p("float", args, {"default"});
  if (subject.is(Kind::undefined)) throw Fault(subject.as<Undefined>().message);
  if (subject.is_number()) return Value::real(subject.as_real());
  if (subject.is(Kind::string)) {
    if (const auto value = parse_real(subject.as_text())) return Value::real(*value);
  }
  return p.has(0) ? p[0] : Value::real(0);
}

Value absolute(Runtime&, const Value& subject, Args& args) {
  Parameters("abs", args, {});
  if (subject.is(Kind::real)) return Value::real(std::fabs(subject.as_real()));
  if (subject.is_integral())
    return subject.as_int() < 0 ? signed_value(Op::neg, subject) : Value::integer(subject.as_int());
  throw Fault(std::string("bad operand type for abs(): '") + type_name(subject) + "'");
}

// round(integer, -digits): half to even.
int64_t round_integer(int64_t value, int64_t digits) {
  if (digits > 18) return 0;
  int64_t unit = 1;
  for (int64_t i = 0; i < digits; ++i) unit *= 10;
  int64_t rest = value % unit;
  if (rest < 0) rest += unit;
  const int64_t quotient = (value - rest) / unit;
  const bool up = rest > unit - rest || (rest == unit - rest && quotient % 2 != 0);
  int64_t result = 0;
  if (__builtin_mul_overflow(quotient + (up ? 1 : 0), unit, &result)) too_large();
  return result;
}

Value round_number(Runtime&, const Value& subject, Args& args) {
  const Parameters p("round", args, {"precision", "method"});
  const std::string method = p.has(1) ? p.text(1) : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    throw Fault("method must be common, ceil or floor");
  }
  if (!subject.is_number())
    throw Fault(std::string("type ") + type_name(subject) + " doesn't define __round__ method");
  const int64_t precision = p.integer(0, 0);
  if (method == "common") {
    if (subject.is(Kind::real)) return Value::real(round_real(subject.as_real(), precision));
    return Value::integer(precision >= 0 ? subject.as_int() : round_integer(subject.as_int(), -precision));
  }
  const double unit = std::pow(10.0, static_cast<double>(precision));
  const double scaled = subject.as_real() * unit;
  if (!std::isfinite(scaled)) throw Fault("cannot convert float infinity or NaN to integer");
  // Python's ceil and floor give integers, which have no negative zero.
  return Value::real(((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) + 0.0) / unit);
}

Value length(Runtime& rt, const Value& subject, Args& args) {
  Parameters("length", args, {});
  const auto size = length_of(rt, subject);
  if (!size) throw Fault(std::string("object of type '") + type_name(subject) + "' has no len()");
  return Value::integer(*size);
}

Value sum(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("sum", args, {"attribute", "start"});
  Value total = p.has(1) ? p[1] : Value::integer(0);
  if (total.is(Kind::string)) throw Fault("sum() can't sum strings [use ''.join(seq) instead]");
  const auto items = iterate(rt, subject);
  Value item;
  while (items->next(rt, item)) {
    total = arithmetic(rt, Op::add, total, p.given(0) ? attribute_path(rt, item, p[0]) : item);
  }
  return total;
}

}  // namespace

std::span<const NamedFilter> number_filters() {
  static constexpr NamedFilter kFilters[] = {
      {"int", to_integer}, {"float", to_real}, {"abs", absolute}, {"round", round_number},
      {"length", length},  {"count", length},  {"sum", sum},
  };
  return kFilters;
}

}  // namespace swift::text::jinja
