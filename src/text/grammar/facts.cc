#include "text/grammar/facts.h"

#include <algorithm>

#include "base/error.h"

namespace swift::text::grammar {

namespace {

Subschema both(const Subschema& a, const Subschema& b) {
  if (a.schema == true || a.schema == b.schema) return b;
  if (b.schema == true) return a;
  return {{{"allOf", {a.schema, b.schema}}}, a.pointer};
}

std::optional<Subschema> both(const std::optional<Subschema>& a, const std::optional<Subschema>& b) {
  if (!a) return b;
  if (!b) return a;
  return both(*a, *b);
}

// The tighter bound. sign: 1 for minima, -1 for maxima.
std::optional<Bound> tighter(const std::optional<Bound>& a, const std::optional<Bound>& b, int sign) {
  if (!a) return b;
  if (!b) return a;
  const int order = compare(a->value, b->value) * sign;
  if (order == 0) return Bound{a->value, a->exclusive || b->exclusive};
  return order > 0 ? a : b;
}

template <class T>
void add_all(std::vector<T>& to, const std::vector<T>& from) {
  for (const T& item : from) {
    if (std::find(to.begin(), to.end(), item) == to.end()) to.push_back(item);
  }
}

// What `facts` asks of the item at index i.
std::optional<Subschema> item_at(const Facts& facts, size_t i) {
  return i < facts.prefix.size() ? std::optional(facts.prefix[i]) : facts.items;
}

// Properties of both. One that only the first lists is, for the second, an additional one.
void join_properties(const Facts& a, const Facts& b, Facts& result) {
  const auto seen_by = [](const Facts& other, const Facts::Property& property) {
    return other.additional ? both(property.value, *other.additional) : property.value;
  };
  result.properties.clear();
  for (const Facts::Property& property : a.properties) {
    const Facts::Property* twin = b.property(property.name);
    result.properties.push_back(
        {property.name, twin ? both(property.value, twin->value) : seen_by(b, property)});
  }
  for (const Facts::Property& property : b.properties) {
    if (!a.property(property.name)) result.properties.push_back({property.name, seen_by(a, property)});
  }
}

}  // namespace

const Facts::Property* Facts::property(const std::string& name) const {
  const auto found =
      std::find_if(properties.begin(), properties.end(), [&](const Property& p) { return p.name == name; });
  return found == properties.end() ? nullptr : &*found;
}

bool Facts::requires_property(const std::string& name) const {
  return std::find(required.begin(), required.end(), name) != required.end();
}

Facts conjunction(const Facts& a, const Facts& b) {
  const auto closes = [](const Facts& facts) { return facts.additional && facts.additional->schema != true; };
  if ((!a.by_pattern.empty() && closes(b)) || (!b.by_pattern.empty() && closes(a)))
    refuse_schema("'patternProperties' and 'additionalProperties' of schemas that are combined", a.pointer,
                  "put both into one schema");
  Facts result = a;
  result.types = a.types && b.types ? std::optional(*a.types & *b.types) : a.types ? a.types : b.types;
  if (!a.values) {
    result.values = b.values;
  } else if (b.values) {
    std::erase_if(*result.values, [&](const base::Json& value) {
      return std::find(b.values->begin(), b.values->end(), value) == b.values->end();
    });
  }
  result.minimum = tighter(a.minimum, b.minimum, 1);
  result.maximum = tighter(a.maximum, b.maximum, -1);
  add_all(result.divisors, b.divisors);
  result.min_length = std::max(a.min_length, b.min_length);
  result.max_length = std::min(a.max_length, b.max_length);
  add_all(result.patterns, b.patterns);
  add_all(result.formats, b.formats);
  for (size_t i = 0; i < std::max(a.prefix.size(), b.prefix.size()); ++i) {
    const Subschema item = *both(item_at(a, i), item_at(b, i));
    if (i < result.prefix.size())
      result.prefix[i] = item;
    else
      result.prefix.push_back(item);
  }
  result.items = both(a.items, b.items);
  result.min_items = std::max(a.min_items, b.min_items);
  result.max_items = std::min(a.max_items, b.max_items);
  result.unique = a.unique || b.unique;
  join_properties(a, b, result);
  add_all(result.required, b.required);
  result.by_pattern.insert(result.by_pattern.end(), b.by_pattern.begin(), b.by_pattern.end());
  result.additional = both(a.additional, b.additional);
  result.names.insert(result.names.end(), b.names.begin(), b.names.end());
  result.min_properties = std::max(a.min_properties, b.min_properties);
  result.max_properties = std::min(a.max_properties, b.max_properties);
  result.mentioned = a.mentioned | b.mentioned;
  result.lists_properties = a.lists_properties || b.lists_properties;
  return result;
}

std::string place(const std::string& pointer) {
  return pointer.empty() ? "the root of the schema" : pointer;
}

std::string below(const std::string& pointer, const std::string& key) {
  std::string result = pointer + "/";
  for (const char c : key) {
    if (c == '~')
      result += "~0";
    else if (c == '/')
      result += "~1";
    else
      result += c;
  }
  return result;
}

void refuse_schema(const std::string& what, const std::string& pointer, const std::string& hint) {
  throw base::Error(base::ExitCode::usage, what + " at " + place(pointer), {}, hint);
}

}  // namespace swift::text::grammar
