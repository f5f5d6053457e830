// What one conjunction of JSON Schema keywords says about a value.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/grammar/decimal.h"

namespace swift::text::grammar {

// Sets of JSON types; a number is whole or a fraction, so that `integer` is a part of `number`.
enum TypeBit : unsigned {
  type_null = 1,
  type_boolean = 2,
  type_whole = 4,
  type_fraction = 8,
  type_string = 16,
  type_array = 32,
  type_object = 64,
  type_number = type_whole | type_fraction,
  type_all = 127,
};

// A subschema and where it stands.
struct Subschema {
  base::Json schema;
  std::string pointer;
};

struct Facts {
  std::string pointer;
  std::optional<unsigned> types;  // none: `type` was not given
  std::optional<std::vector<base::Json>> values;

  std::optional<Bound> minimum;
  std::optional<Bound> maximum;
  std::vector<uint64_t> divisors;

  size_t min_length = 0;
  size_t max_length = Expression::no_limit;
  std::vector<std::string> patterns;
  std::vector<std::string> formats;

  std::vector<Subschema> prefix;
  std::optional<Subschema> items;
  size_t min_items = 0;
  size_t max_items = Expression::no_limit;
  bool unique = false;

  struct Property {
    std::string name;
    Subschema value;
  };
  std::vector<Property> properties;
  std::vector<std::string> required;
  std::vector<Property> by_pattern;
  std::optional<Subschema> additional;
  std::vector<Subschema> names;
  size_t min_properties = 0;
  size_t max_properties = Expression::no_limit;

  // Types that the keywords speak about.
  unsigned mentioned = 0;
  // Of object keywords, whether any but `required` and counts was given.
  bool lists_properties = false;

  const Property* property(const std::string& name) const;
  bool requires_property(const std::string& name) const;
};

// Both. Throws base::Error(usage) for what has no form as one conjunction.
Facts conjunction(const Facts& a, const Facts& b);
// The keywords of one schema object without those that combine schemas ($ref, allOf, anyOf, oneOf). Throws
// base::Error(usage) naming the keyword and its JSON pointer when it is malformed or not supported.
Facts read_facts(const base::Json& schema, const std::string& pointer);

// For messages: "/properties/x", or "the root".
std::string place(const std::string& pointer);
// The pointer of a member.
std::string below(const std::string& pointer, const std::string& key);
[[noreturn]] void refuse_schema(const std::string& what, const std::string& pointer,
                                const std::string& hint = {});

}  // namespace swift::text::grammar
