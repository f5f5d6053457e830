#include "text/jinja/tests.h"

#include <unordered_map>

#include "text/jinja/callables.h"
#include "text/jinja/compare.h"
#include "text/jinja/filters.h"
#include "text/jinja/iterate.h"
#include "text/jinja/operators.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"
#include "text/jinja/text_methods.h"

namespace swift::text::jinja {
namespace {

template <bool (*Holds)(const Value&)>
bool plain(Runtime&, const Value& subject, Args& args) {
  Parameters("test", args, {});
  return Holds(subject);
}

template <Kind K>
bool is_kind(const Value& v) {
  return v.is(K);
}

bool is_defined(const Value& v) {
  return !v.is(Kind::undefined);
}
bool is_true(const Value& v) {
  return v.is(Kind::boolean) && v.as_bool();
}
bool is_false(const Value& v) {
  return v.is(Kind::boolean) && !v.as_bool();
}
bool is_number(const Value& v) {
  return v.is_number();
}
bool is_escaped(const Value& v) {
  return v.is_markup();
}

bool is_sequence(const Value& v) {
  switch (v.kind()) {
    case Kind::undefined:
    case Kind::string:
    case Kind::list:
    case Kind::tuple:
    case Kind::dict:
    case Kind::range:
      return true;
    default:
      return false;
  }
}

bool is_callable(const Value& v) {
  return v.is(Kind::callable) || v.is(Kind::undefined) || v.is(Kind::loop);
}

bool upper(Runtime& rt, const Value& subject, Args& args) {
  Parameters("test", args, {});
  return is_upper_cased(to_text(rt, subject));
}

bool lower(Runtime& rt, const Value& subject, Args& args) {
  Parameters("test", args, {});
  return is_lower_cased(to_text(rt, subject));
}

bool remainder_is(Runtime& rt, const Value& subject, const Value& divisor, int64_t wanted) {
  return equal(rt, arithmetic(rt, Op::mod, subject, divisor), Value::integer(wanted));
}

template <int64_t Wanted>
bool parity(Runtime& rt, const Value& subject, Args& args) {
  Parameters("test", args, {});
  return remainder_is(rt, subject, Value::integer(2), Wanted);
}

bool divisible_by(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("divisibleby", args, {"num"}, 1);
  return remainder_is(rt, subject, p[0], 0);
}

enum class Compare { eq, ne, lt, le, gt, ge };

template <Compare C>
bool compare(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("comparison", args, {"other"}, 1);
  switch (C) {
    case Compare::eq:
      return equal(rt, subject, p[0]);
    case Compare::ne:
      return !equal(rt, subject, p[0]);
    case Compare::lt:
      return less(rt, subject, p[0], "<");
    case Compare::gt:
      return less(rt, p[0], subject, ">");
    case Compare::le:
      return less(rt, subject, p[0], "<=") || equal(rt, subject, p[0]);
    case Compare::ge:
      return less(rt, p[0], subject, ">=") || equal(rt, subject, p[0]);
  }
  return false;
}

bool is_in(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("in", args, {"seq"}, 1);
  return contains(rt, p[0], subject);
}

bool same_as(Runtime& rt, const Value& subject, Args& args) {
  const Parameters p("sameas", args, {"other"}, 1);
  if (subject.kind() != p[0].kind()) return false;
  if (subject.is(Kind::none)) return true;
  if (subject.is(Kind::string) || subject.is_number()) return equal(rt, subject, p[0]);
  return subject.object() == p[0].object();
}

bool names_filter(Runtime&, const Value& subject, Args& args) {
  Parameters("filter", args, {});
  return subject.is(Kind::string) && find_filter(subject.as_text());
}

bool names_test(Runtime&, const Value& subject, Args& args) {
  Parameters("test", args, {});
  return subject.is(Kind::string) && find_test(subject.as_text());
}

}  // namespace

TestFn find_test(std::string_view name) {
  static const std::unordered_map<std::string_view, TestFn> kTests = {
      {"defined", plain<is_defined>},
      {"undefined", plain<is_kind<Kind::undefined>>},
      {"none", plain<is_kind<Kind::none>>},
      {"boolean", plain<is_kind<Kind::boolean>>},
      {"true", plain<is_true>},
      {"false", plain<is_false>},
      {"integer", plain<is_kind<Kind::integer>>},
      {"float", plain<is_kind<Kind::real>>},
      {"number", plain<is_number>},
      {"string", plain<is_kind<Kind::string>>},
      {"mapping", plain<is_kind<Kind::dict>>},
      {"sequence", plain<is_sequence>},
      {"iterable", plain<iterable>},
      {"callable", plain<is_callable>},
      {"escaped", plain<is_escaped>},
      {"upper", upper},
      {"lower", lower},
      {"odd", parity<1>},
      {"even", parity<0>},
      {"divisibleby", divisible_by},
      {"filter", names_filter},
      {"test", names_test},
      {"in", is_in},
      {"sameas", same_as},
      {"eq", compare<Compare::eq>},
      {"==", compare<Compare::eq>},
      {"equalto", compare<Compare::eq>},
      {"ne", compare<Compare::ne>},
      {"!=", compare<Compare::ne>},
      {"lt", compare<Compare::lt>},
      {"<", compare<Compare::lt>},
      {"lessthan", compare<Compare::lt>},
      {"le", compare<Compare::le>},
      {"<=", compare<Compare::le>},
      {"gt", compare<Compare::gt>},
      {">", compare<Compare::gt>},
      {"greaterthan", compare<Compare::gt>},
      {"ge", compare<Compare::ge>},
      {">=", compare<Compare::ge>},
  };
  const auto found = kTests.find(name);
  return found == kTests.end() ? nullptr : found->second;
}

}  // namespace swift::text::jinja
