#include "text/jinja/attributes.h"

#include <algorithm>

#include "text/jinja/compare.h"
#include "text/jinja/iterate.h"
#include "text/jinja/loop.h"
#include "text/jinja/runtime.h"
#include "text/jinja/unicode.h"

namespace swift::text::jinja {
namespace {

// Python's slice.indices(), and how many items that are.
struct Indices {
  int64_t start = 0, stop = 0, step = 1, count = 0;
};

int64_t slice_index(const Value& value) {
  if (value.is_integral()) return value.as_int();
  throw Fault("slice indices must be integers or None or have an __index__ method");
}

Indices slice_indices(int64_t length, const Value& start, const Value& stop, const Value& step) {
  Indices out;
  if (!step.is(Kind::none)) out.step = slice_index(step);
  if (out.step == 0) throw Fault("slice step cannot be zero");
  const bool forward = out.step > 0;
  const int64_t low = forward ? 0 : -1;
  const int64_t high = forward ? length : length - 1;
  const auto bound = [&](const Value& value, int64_t absent) {
    if (value.is(Kind::none)) return absent;
    int64_t index = slice_index(value);
    if (index < 0) index = std::max(index, -length - 1) + length;
    return std::clamp(index, low, high);
  };
  out.start = bound(start, forward ? low : high);
  out.stop = bound(stop, forward ? high : low);
  const int64_t distance = forward ? out.stop - out.start : out.start - out.stop;
  const uint64_t stride = forward ? static_cast<uint64_t>(out.step) : 0 - static_cast<uint64_t>(out.step);
  if (distance > 0) out.count = static_cast<int64_t>((static_cast<uint64_t>(distance) - 1) / stride) + 1;
  return out;
}

int64_t position(const Indices& indices, int64_t i) {
  return indices.start + i * indices.step;
}

Value slice_text(Runtime& rt, const Value& value, const Indices& at) {
  const std::string& text = value.as_text();
  if (at.count == 0) return make_text(rt, "", value.is_markup());
  rt.step(text.size() / 256);
  const bool ascii = is_ascii(text);
  const auto offset = [&](int64_t index) {
    return ascii ? static_cast<size_t>(index) : byte_offset(text, static_cast<size_t>(index));
  };
  if (at.step == 1) {
    const size_t from = offset(at.start);
    const size_t to =
        ascii ? from + static_cast<size_t>(at.count)
              : from + byte_offset(std::string_view(text).substr(from), static_cast<size_t>(at.count));
    return make_text(rt, text.substr(from, to - from), value.is_markup());
  }
  std::u32string points;
  for (size_t i = 0; i < text.size();) points += decode_utf8(text, i);
  std::string out;
  for (int64_t i = 0; i < at.count; ++i) append_utf8(out, points[static_cast<size_t>(position(at, i))]);
  return make_text(rt, std::move(out), value.is_markup());
}

Value slice_range(const Range& range, const Indices& at) {
  auto out = std::make_shared<Range>();
  int64_t first = 0, end = 0;
  const bool beyond = __builtin_mul_overflow(range.step, at.step, &out->step) ||
                      __builtin_mul_overflow(at.start, range.step, &first) ||
                      __builtin_add_overflow(range.start, first, &out->start) ||
                      __builtin_mul_overflow(at.stop, range.step, &end) ||
                      __builtin_add_overflow(range.start, end, &out->stop);
  if (beyond) throw Fault("the integer does not fit in 64 bits");
  return Value::of(Kind::range, std::move(out));
}

// Attributes that every Python object has and the sandbox hides; others that begin so are looked up as items.
bool is_dunder(std::string_view name) {
  return name.size() > 4 && name.substr(0, 2) == "__" && name.ends_with("__");
}

Value unsafe(const Value& object, std::string_view name) {
  return make_undefined("access to attribute '" + std::string(name) + "' of '" + type_name(object) +
                        "' object is unsafe.");
}

bool modifies(Kind kind, std::string_view name) {
  static constexpr std::string_view kDict[] = {"clear", "pop", "popitem", "setdefault", "update"};
  static constexpr std::string_view kList[] = {"append", "clear", "pop",    "reverse",
                                               "insert", "sort",  "extend", "remove"};
  const auto among = [name](const auto& names) {
    return std::find(std::begin(names), std::end(names), name) != std::end(names);
  };
  return (kind == Kind::dict && among(kDict)) || (kind == Kind::list && among(kList));
}

[[noreturn]] void use_of_undefined(const Value& object) {
  throw Fault(object.as<Undefined>().message);
}

// object[key], or a missing Value where Python raises LookupError or TypeError.
Value subscript(Runtime& rt, const Value& object, const Value& key) {
  switch (object.kind()) {
    case Kind::dict: {
      if (!hashable(key)) return Value();
      const Value* found = object.as<Dict>().find(rt, key);
      return found ? *found : Value();
    }
    case Kind::list:
    case Kind::tuple:
    case Kind::string:
    case Kind::range: {
      if (!key.is_integral()) return Value();
      int64_t index = key.as_int();
      const int64_t length = *length_of(rt, object);
      if (index < 0) index += length;
      return index >= 0 && index < length ? item_at(rt, object, index) : Value();
    }
    default:
      return Value();
  }
}

Value number_attribute(const Value& object, std::string_view name) {
  if (name == "real") return object.is(Kind::boolean) ? Value::integer(object.as_int()) : object;
  if (name == "imag") return object.is(Kind::real) ? Value::real(0) : Value::integer(0);
  if (object.is_integral() && name == "numerator") return Value::integer(object.as_int());
  if (object.is_integral() && name == "denominator") return Value::integer(1);
  return Value();
}

}  // namespace

Value call_value(Runtime& rt, const Value& callee, Args& args) {
  if (callee.is(Kind::undefined)) use_of_undefined(callee);
  if (!callee.is(Kind::callable))
    throw Fault(std::string("'") + type_name(callee) + "' object is not callable");
  return callee.as<Callable>().call(rt, args);
}

MethodFn find_method(const Value& object, std::string_view name) {
  return object.is(Kind::string) ? find_text_method(name) : find_container_method(object.kind(), name);
}

Value own_attribute(Runtime& rt, const Value& object, std::string_view name) {
  switch (object.kind()) {
    case Kind::name_space: {
      const Value* found = object.as<Namespace>().find(name);
      if (found && name.front() == '_') return unsafe(object, name);
      return found ? *found : Value();
    }
    case Kind::loop: {
      Value found = object.as<Loop>().attribute(rt, object, name);
      if (!found.is(Kind::missing)) return found;
      break;
    }
    case Kind::tuple: {
      const auto& tuple = object.as<Sequence>();
      if (tuple.group && name == "grouper") return tuple.items[0];
      if (tuple.group && name == "list") return tuple.items[1];
      break;
    }
    case Kind::boolean:
    case Kind::integer:
    case Kind::real: {
      Value found = number_attribute(object, name);
      if (!found.is(Kind::missing)) return found;
      break;
    }
    case Kind::callable: {
      Value found = object.as<Callable>().attribute(name);
      if (!found.is(Kind::missing)) return found;
      break;
    }
    default:
      break;
  }
  if (is_dunder(name) || modifies(object.kind(), name)) return unsafe(object, name);
  if (const MethodFn method = find_method(object, name)) {
    rt.step();
    return bind_method(name, object, method);
  }
  return Value();
}

Value get_attribute(Runtime& rt, const Value& object, const std::string& name) {
  if (object.is(Kind::undefined) && !is_dunder(name)) use_of_undefined(object);
  Value found = own_attribute(rt, object, name);
  if (!found.is(Kind::missing)) return found;
  if (object.is(Kind::dict)) {
    const Value* item = object.as<Dict>().find(name);
    if (item) return *item;
  }
  return undefined_member(object, Value::text(name));
}

Value get_item(Runtime& rt, const Value& object, const Value& key) {
  if (object.is(Kind::undefined)) use_of_undefined(object);
  Value found = subscript(rt, object, key);
  if (!found.is(Kind::missing)) return found;
  if (key.is(Kind::string)) {
    found = own_attribute(rt, object, key.as_text());
    if (!found.is(Kind::missing)) return found;
  }
  return undefined_member(object, key);
}

Value get_slice(Runtime& rt, const Value& object, const Value& start, const Value& stop, const Value& step) {
  switch (object.kind()) {
    case Kind::undefined:
      use_of_undefined(object);
    case Kind::string:
      return slice_text(rt, object, slice_indices(*length_of(rt, object), start, stop, step));
    case Kind::range:
      return slice_range(object.as<Range>(), slice_indices(object.as<Range>().size(), start, stop, step));
    case Kind::list:
    case Kind::tuple: {
      const auto& items = object.as<Sequence>().items;
      const Indices at = slice_indices(static_cast<int64_t>(items.size()), start, stop, step);
      std::vector<Value> out;
      out.reserve(static_cast<size_t>(at.count));
      for (int64_t i = 0; i < at.count; ++i) out.push_back(items[static_cast<size_t>(position(at, i))]);
      return object.is(Kind::list) ? make_list(rt, std::move(out)) : make_tuple(rt, std::move(out));
    }
    case Kind::dict:
      throw Fault("unhashable type: 'slice'");
    default:
      throw Fault(std::string("'") + type_name(object) + "' object is not subscriptable");
  }
}

}  // namespace swift::text::jinja
