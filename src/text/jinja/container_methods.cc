// The methods of dict, list, tuple, range and numbers that do not change their object.
#include <cmath>

#include "text/jinja/attributes.h"
#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/print.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

template <View::Part Which>
Value view(Runtime& rt, const Value& self, Args& args) {
  Parameters("dict view", args, {});
  rt.step();
  auto out = std::make_shared<View>();
  out->dict = self;
  out->part = Which;
  out->depth = deeper(self.depth());
  return Value::of(Kind::view, std::move(out));
}

Value get(Runtime& rt, const Value& self, Args& args) {
  if (!args.named.empty()) throw Fault("dict.get() takes no keyword arguments");
  const Parameters p("get", args, {"key", "default"}, 1);
  const Value* found = self.as<Dict>().find(rt, p[0]);
  return found ? *found : p.has(1) ? p[1] : Value::none();
}

Value copy(Runtime&, const Value& self, Args& args) {
  Parameters("copy", args, {});
  return self;
}

Value index(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("index", args, {"value", "start", "stop"}, 1);
  const int64_t length = *length_of(rt, self);
  const auto bound = [&](size_t i, int64_t absent) {
    const int64_t at = p.integer(i, absent);
    return at < 0 ? std::max<int64_t>(at + length, 0) : std::min(at, length);
  };
  for (int64_t i = bound(1, 0); i < bound(2, length); ++i) {
    if (equal(rt, item_at(rt, self, i), p[0])) return Value::integer(i);
  }
  throw Fault(short_repr(p[0]) + " is not in " + type_name(self));
}

Value count(Runtime& rt, const Value& self, Args& args) {
  const Parameters p("count", args, {"value"}, 1);
  int64_t total = 0;
  const int64_t length = *length_of(rt, self);
  for (int64_t i = 0; i < length; ++i) total += equal(rt, item_at(rt, self, i), p[0]) ? 1 : 0;
  return Value::integer(total);
}

Value is_integer(Runtime&, const Value& self, Args& args) {
  Parameters("is_integer", args, {});
  return Value::boolean(std::isfinite(self.as_real()) && self.as_real() == std::floor(self.as_real()));
}

Value bit_length(Runtime&, const Value& self, Args& args) {
  Parameters("bit_length", args, {});
  const int64_t number = self.as_int();
  uint64_t magnitude = number < 0 ? 0 - static_cast<uint64_t>(number) : static_cast<uint64_t>(number);
  int64_t bits = 0;
  for (; magnitude; magnitude >>= 1) ++bits;
  return Value::integer(bits);
}

}  // namespace

MethodFn find_container_method(Kind kind, std::string_view name) {
  switch (kind) {
    case Kind::dict:
      if (name == "items") return view<View::Part::items>;
      if (name == "keys") return view<View::Part::keys>;
      if (name == "values") return view<View::Part::values>;
      if (name == "get") return get;
      if (name == "copy") return copy;
      return nullptr;
    case Kind::list:
      if (name == "copy") return copy;
      [[fallthrough]];
    case Kind::tuple:
    case Kind::range:
      if (name == "index") return index;
      if (name == "count") return count;
      return nullptr;
    case Kind::real:
      return name == "is_integer" ? is_integer : nullptr;
    case Kind::boolean:
    case Kind::integer:
      return name == "bit_length" ? bit_length : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace swift::text::jinja
