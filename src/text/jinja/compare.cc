#include "text/jinja/compare.h"

#include <cmath>
#include <functional>

#include "text/jinja/iterate.h"
#include "text/jinja/runtime.h"

namespace swift::text::jinja {
namespace {

// Exact comparison of an integer with a double: -1, 0, 1, or 2 when unordered.
int order_mixed(int64_t i, double d) {
  if (std::isnan(d)) return 2;
  if (d >= 9223372036854775808.0) return -1;
  if (d < -9223372036854775808.0) return 1;
  const auto whole = static_cast<int64_t>(d);
  if (i != whole) return i < whole ? -1 : 1;
  const double rest = d - static_cast<double>(whole);
  return rest > 0 ? -1 : rest < 0 ? 1 : 0;
}

int order_numbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) return a.as_int() < b.as_int() ? -1 : a.as_int() > b.as_int();
  if (a.is_integral()) return order_mixed(a.as_int(), b.as_real());
  if (b.is_integral()) {
    const int reversed = order_mixed(b.as_int(), a.as_real());
    return reversed == 2 ? 2 : -reversed;
  }
  if (std::isnan(a.as_real()) || std::isnan(b.as_real())) return 2;
  return a.as_real() < b.as_real() ? -1 : a.as_real() > b.as_real();
}

bool equal_sequences(Runtime& rt, const Sequence& a, const Sequence& b) {
  if (a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!equal(rt, a.items[i], b.items[i])) return false;
  }
  return true;
}

bool equal_dicts(Runtime& rt, const Dict& a, const Dict& b) {
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.find(rt, key);
    if (!other || !equal(rt, value, *other)) return false;
  }
  return true;
}

bool equal_views(Runtime& rt, const View& a, const View& b) {
  if (a.part != b.part || a.part == View::Part::values) return false;
  const Dict& left = a.dict.as<Dict>();
  const Dict& right = b.dict.as<Dict>();
  if (a.part == View::Part::items) return equal_dicts(rt, left, right);
  if (left.entries.size() != right.entries.size()) return false;
  for (const auto& [key, value] : left.entries) {
    if (!right.find(rt, key)) return false;
  }
  return true;
}

bool equal_ranges(const Range& a, const Range& b) {
  const int64_t size = a.size();
  if (size != b.size()) return false;
  return size == 0 || (a.start == b.start && (size == 1 || a.step == b.step));
}

[[noreturn]] void no_order(const Value& a, const Value& b, const char* symbol) {
  for (const Value* side : {&a, &b}) {
    if (side->is(Kind::undefined)) throw Fault(side->as<Undefined>().message);
  }
  throw Fault(std::string("'") + symbol + "' not supported between instances of '" + type_name(a) +
              "' and '" + type_name(b) + "'");
}

bool text_contains(Runtime& rt, const std::string& haystack, const Value& needle) {
  if (!needle.is(Kind::string)) {
    throw Fault(std::string("'in <string>' requires string as left operand, not ") + type_name(needle));
  }
  rt.step(haystack.size() / 256);
  return haystack.find(needle.as_text()) != std::string::npos;
}

}  // namespace

bool equal(Runtime& rt, const Value& a, const Value& b) {
  rt.step();
  if (a.is_number() && b.is_number()) return order_numbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  if (a.object() && a.object() == b.object()) return true;
  switch (a.kind()) {
    case Kind::none:
    case Kind::undefined:
      return true;
    case Kind::string:
      return a.as_text() == b.as_text();
    case Kind::list:
    case Kind::tuple:
      return equal_sequences(rt, a.as<Sequence>(), b.as<Sequence>());
    case Kind::dict:
      return equal_dicts(rt, a.as<Dict>(), b.as<Dict>());
    case Kind::view:
      return equal_views(rt, a.as<View>(), b.as<View>());
    case Kind::range:
      return equal_ranges(a.as<Range>(), b.as<Range>());
    default:
      return false;
  }
}

bool less(Runtime& rt, const Value& a, const Value& b, const char* symbol) {
  rt.step();
  if (a.is_number() && b.is_number()) return order_numbers(a, b) == -1;
  if (a.kind() != b.kind()) no_order(a, b, symbol);
  if (a.is(Kind::string)) return a.as_text() < b.as_text();
  if (!a.is(Kind::list) && !a.is(Kind::tuple)) no_order(a, b, symbol);
  const auto& left = a.as<Sequence>().items;
  const auto& right = b.as<Sequence>().items;
  for (size_t i = 0; i < left.size() && i < right.size(); ++i) {
    if (!equal(rt, left[i], right[i])) return less(rt, left[i], right[i], symbol);
  }
  return left.size() < right.size();
}

bool contains(Runtime& rt, const Value& haystack, const Value& needle) {
  switch (haystack.kind()) {
    case Kind::string:
      return text_contains(rt, haystack.as_text(), needle);
    case Kind::dict:
      return haystack.as<Dict>().find(rt, needle) != nullptr;
    case Kind::view:
      if (haystack.as<View>().part == View::Part::keys) {
        return haystack.as<View>().dict.as<Dict>().find(rt, needle) != nullptr;
      }
      break;
    case Kind::list:
    case Kind::tuple:
      for (const Value& item : haystack.as<Sequence>().items) {
        if (equal(rt, item, needle)) return true;
      }
      return false;
    default:
      break;
  }
  if (!iterable(haystack)) {
    throw Fault(std::string("argument of type '") + type_name(haystack) + "' is not iterable");
  }
  const auto items = iterate(rt, haystack);
  Value item;
  while (items->next(rt, item)) {
    if (equal(rt, item, needle)) return true;
  }
  return false;
}

bool hashable(const Value& value) {
  if (value.is(Kind::list) || value.is(Kind::dict)) return false;
  if (value.is(Kind::view)) return value.as<View>().part == View::Part::values;
  if (!value.is(Kind::tuple)) return true;
  for (const Value& item : value.as<Sequence>().items) {
    if (!hashable(item)) return false;
  }
  return true;
}

size_t hash_of_text(std::string_view text) {
  return std::hash<std::string_view>()(text);
}

size_t hash_of(Runtime& rt, const Value& value) {
  rt.step();
  switch (value.kind()) {
    case Kind::string:
      return hash_of_text(value.as_text());
    case Kind::boolean:
    case Kind::integer:
      return std::hash<int64_t>()(value.as_int());
    case Kind::real: {
      const double d = value.as_real();
      const bool whole = d >= -9e18 && d <= 9e18 && d == std::floor(d);
      return whole ? std::hash<int64_t>()(static_cast<int64_t>(d)) : std::hash<double>()(d);
    }
    case Kind::tuple: {
      size_t hash = 0x345678;
      for (const Value& item : value.as<Sequence>().items) hash = hash * 1000003 ^ hash_of(rt, item);
      return hash;
    }
    case Kind::none:
    case Kind::undefined:
      return 0x51ed;
    default:
      if (!hashable(value)) throw Fault(std::string("unhashable type: '") + type_name(value) + "'");
      return std::hash<const void*>()(value.object().get());
  }
}

}  // namespace swift::text::jinja
