// Which alternatives of a schema cannot hold at once, and which listed values fit.
#include <algorithm>
#include <utility>

#include "text/grammar/schema_alternatives.h"
#include "text/grammar/schema_scalars.h"
#include "text/unicode.h"

namespace swift::text::grammar {

namespace {

using base::Json;

size_t characters(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(),
                                           [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

bool fits_number(const Json& value, const Facts& facts) {
  const Decimal number = Decimal::of(value);
  if (facts.minimum) {
    const int order = compare(number, facts.minimum->value);
    if (order < 0 || (order == 0 && facts.minimum->exclusive)) return false;
  }
  if (facts.maximum) {
    const int order = compare(number, facts.maximum->value);
    if (order > 0 || (order == 0 && facts.maximum->exclusive)) return false;
  }
  return std::all_of(facts.divisors.begin(), facts.divisors.end(), [&](uint64_t divisor) {
    uint64_t remainder = 0;
    for (const char digit : number.whole)
      remainder = (remainder * 10 + static_cast<uint64_t>(digit - '0')) % divisor;
    return number.is_whole() && remainder == 0;
  });
}

bool fits_string(const std::string& text, const Facts& facts, Budget& budget) {
  const size_t length = characters(text);
  if (length < facts.min_length || length > facts.max_length) return false;
  return !limits_text(facts) || schema_texts(facts, budget).accepts(text);
}

unsigned type_of(const Json& value) {
  switch (value.type()) {
    case Json::value_t::null:
      return type_null;
    case Json::value_t::boolean:
      return type_boolean;
    case Json::value_t::string:
      return type_string;
    case Json::value_t::array:
      return type_array;
    case Json::value_t::object:
      return type_object;
    default:
      return Decimal::of(value).is_whole() ? type_whole : type_fraction;
  }
}

}  // namespace

std::optional<bool> Alternatives::fits(const Json& value, const Facts& facts) {
  const unsigned type = type_of(value);
  if ((types(facts) & type) == 0) return false;
  if (facts.values && std::find(facts.values->begin(), facts.values->end(), value) == facts.values->end())
    return false;
  if (type == type_string) return fits_string(value.get<std::string>(), facts, budget_);
  if ((type & type_number) != 0) return fits_number(value, facts);
  if ((type & facts.mentioned) != 0) return std::nullopt;
  return true;
}

bool Alternatives::disjoint(const Subschema& a, const Subschema& b, int depth) {
  const std::set<std::string> outer = std::exchange(following_, {});  // members begin anew
  const std::vector<Facts> left = read(a.schema, a.pointer, 0);
  const std::vector<Facts> right = read(b.schema, b.pointer, 0);
  following_ = outer;
  return std::all_of(left.begin(), left.end(), [&](const Facts& x) {
    return std::all_of(right.begin(), right.end(), [&](const Facts& y) { return disjoint(x, y, depth); });
  });
}

bool Alternatives::disjoint(const Facts& a, const Facts& b, int depth) {
  budget_.add_states();
  if (a.values || b.values) {
    const Facts& listed = a.values ? a : b;
    const Facts& other = a.values ? b : a;
    return std::all_of(listed.values->begin(), listed.values->end(), [&](const Json& value) {
      return fits(value, other) == false || fits(value, listed) == false;
    });
  }
  const unsigned common = types(a) & types(b);
  if ((common & (type_null | type_boolean)) != 0) return false;
  if ((common & type_number) != 0) {
    const auto numbers = [&](const Facts& facts) {
      return automaton_of(schema_numbers(facts, (common & type_fraction) == 0, budget_), budget_);
    };
    // Bounded numbers have no exponent: unbounded ones of the other side have every value without one too.
    if (!grammar::disjoint(numbers(a), numbers(b), budget_)) return false;
  }
  if ((common & type_string) != 0 &&
      !grammar::disjoint(schema_texts(a, budget_), schema_texts(b, budget_), budget_))
    return false;
  if ((common & type_array) != 0) {
    const auto item = [](const Facts& facts) {
      return !facts.prefix.empty() ? facts.prefix.front()
                                   : facts.items.value_or(Subschema{true, facts.pointer});
    };
    const bool counts = a.min_items > b.max_items || b.min_items > a.max_items;
    const bool never_empty = a.min_items > 0 || b.min_items > 0;
    if (!counts && !(never_empty && depth > 0 && disjoint(item(a), item(b), depth - 1))) return false;
  }
  if ((common & type_object) == 0) return true;
  if (a.min_properties > b.max_properties || b.min_properties > a.max_properties) return true;
  const auto apart = [&](const Facts& x, const Facts& y) {
    return std::any_of(x.required.begin(), x.required.end(), [&](const std::string& name) {
      const Facts::Property* left = x.property(name);
      const Facts::Property* right = y.property(name);
      if (!right && y.by_pattern.empty() && additional(y).schema == false && !y.requires_property(name))
        return true;
      return left && right && depth > 0 && disjoint(left->value, right->value, depth - 1);
    });
  };
  return apart(a, b) || apart(b, a);
}

}  // namespace swift::text::grammar
