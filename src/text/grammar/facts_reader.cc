// Keywords of one schema object, read into Facts.
#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "text/grammar/facts.h"

namespace swift::text::grammar {

namespace {

using base::Json;

constexpr size_t largest_count = 1'000'000'000;

// Assertions of JSON Schema that no automaton here checks; other keywords that are not known are annotations.
const std::vector<std::string> unsupported = {"not",
                                              "if",
                                              "then",
                                              "else",
                                              "contains",
                                              "minContains",
                                              "maxContains",
                                              "dependencies",
                                              "dependentRequired",
                                              "dependentSchemas",
                                              "unevaluatedItems",
                                              "unevaluatedProperties",
                                              "$dynamicRef",
                                              "$recursiveRef",
                                              "extends",
                                              "disallow",
                                              "divisibleBy"};

class Reader {
 public:
  Reader(const Json& schema, const std::string& pointer) : schema_(schema) { facts_.pointer = pointer; }

  Facts read() {
    for (const auto& [key, value] : schema_.items()) {
      if (std::find(unsupported.begin(), unsupported.end(), key) != unsupported.end())
        refuse_schema("unsupported keyword '" + key + "'", facts_.pointer, "say it with other keywords");
      const auto known = keywords().find(key);
      if (known != keywords().end()) known->second(*this, key, value);
    }
    if (schema_.contains("nullable") && schema_["nullable"] == true && facts_.types)
      *facts_.types |= type_null;
    return std::move(facts_);
  }

 private:
  using Handler = std::function<void(Reader&, const std::string&, const Json&)>;

  [[noreturn]] void malformed(const std::string& key, const std::string& what) const {
    refuse_schema("'" + key + "' must be " + what, below(facts_.pointer, key));
  }

  size_t count(const std::string& key, const Json& value) const {
    if (!value.is_number() || value.get<double>() < 0 ||
        value.get<double>() != std::floor(value.get<double>()))
      malformed(key, "a whole number of at least 0");
    return static_cast<size_t>(std::min<double>(value.get<double>(), static_cast<double>(largest_count)));
  }

  Bound bound(const std::string& key, const Json& value, bool exclusive) const {
    if (!value.is_number()) malformed(key, "a number");
    return {Decimal::of(value), exclusive};
  }

  std::string text(const std::string& key, const Json& value) const {
    if (!value.is_string()) malformed(key, "a string");
    return value.get<std::string>();
  }

  Subschema subschema(const std::string& key, const Json& value) const {
    if (!value.is_object() && !value.is_boolean()) malformed(key, "a schema (an object or a boolean)");
    return {value, below(facts_.pointer, key)};
  }

  std::vector<Facts::Property> properties(const std::string& key, const Json& value) const {
    if (!value.is_object()) malformed(key, "an object of schemas");
    std::vector<Facts::Property> result;
    for (const auto& [name, schema] : value.items()) {
      const std::string pointer = below(below(facts_.pointer, key), name);
      if (!schema.is_object() && !schema.is_boolean())
        refuse_schema("a schema must be an object or a boolean", pointer);
      result.push_back({name, {schema, pointer}});
    }
    return result;
  }

  std::vector<Subschema> schemas(const std::string& key, const Json& value) const {
    std::vector<Subschema> result;
    for (size_t i = 0; i < value.size(); ++i) {
      const std::string pointer = below(below(facts_.pointer, key), std::to_string(i));
      if (!value[i].is_object() && !value[i].is_boolean())
        refuse_schema("a schema must be an object or a boolean", pointer);
      result.push_back({value[i], pointer});
    }
    return result;
  }

  void read_type(const std::string& key, const Json& value) {
    static const std::map<std::string, unsigned> names = {
        {"null", type_null},     {"boolean", type_boolean}, {"integer", type_whole}, {"number", type_number},
        {"string", type_string}, {"array", type_array},     {"object", type_object}};
    unsigned types = 0;
    for (const Json& name : value.is_array() ? value : Json::array({value})) {
      const auto found = name.is_string() ? names.find(name.get<std::string>()) : names.end();
      if (found == names.end())
        malformed(key, "null, boolean, integer, number, string, array, object or a list of these");
      types |= found->second;
    }
    facts_.types = types;
  }

  void read_items(const std::string& key, const Json& value) {
    if (value.is_array()) {  // drafts before 2020-12: a tuple
      facts_.prefix = schemas(key, value);
      if (schema_.contains("additionalItems"))
        facts_.items = subschema("additionalItems", schema_["additionalItems"]);
    } else {
      facts_.items = subschema(key, value);
    }
  }

  void read_required(const std::string& key, const Json& value) {
    if (!value.is_array()) malformed(key, "a list of names");
    for (const Json& name : value) facts_.required.push_back(text(key, name));
  }

  void read_divisor(const std::string& key, const Json& value) {
    if (!value.is_number() || value.get<double>() <= 0) malformed(key, "a number above 0");
    const double divisor = value.get<double>();
    if (divisor != std::floor(divisor) || divisor > 100'000)
      refuse_schema("'multipleOf' is supported only for whole numbers up to 100000, but is " + value.dump(),
                    below(facts_.pointer, key));
    facts_.divisors.push_back(static_cast<uint64_t>(divisor));
  }

  void read_bound(const std::string& key, const Json& value) {
    const bool is_minimum = key == "minimum" || key == "exclusiveMinimum";
    if (value.is_boolean() && key.starts_with("exclusive")) {  // draft 4: a flag of the other keyword
      std::optional<Bound>& flagged = is_minimum ? facts_.minimum : facts_.maximum;
      const std::string other = is_minimum ? "minimum" : "maximum";
      if (schema_.contains(other)) flagged = bound(other, schema_[other], value.get<bool>());
      return;
    }
    Facts more;
    (is_minimum ? more.minimum : more.maximum) = bound(key, value, key.starts_with("exclusive"));
    const Facts joined = conjunction(facts_, more);
    facts_.minimum = joined.minimum;
    facts_.maximum = joined.maximum;
  }

  template <class Handle>
  static Handler of(unsigned types, Handle handle) {
    return [types, handle](Reader& reader, const std::string& key, const Json& value) {
      reader.facts_.mentioned |= types;
      handle(reader, key, value);
    };
  }
  static Handler count_into(unsigned types, size_t Facts::*member) {
    return of(types,
              [member](Reader& r, const std::string& k, const Json& v) { r.facts_.*member = r.count(k, v); });
  }

  static const std::map<std::string, Handler>& keywords();

  const Json& schema_;
  Facts facts_;
};

const std::map<std::string, Reader::Handler>& Reader::keywords() {
  using Key = const std::string&;
  using Value = const Json&;
  static const Handler bounds = of(type_number, [](Reader& r, Key k, Value v) { r.read_bound(k, v); });
  static const std::map<std::string, Handler> table = {
      {"type", of(0, [](Reader& r, Key k, Value v) { r.read_type(k, v); })},
      {"enum", of(0,
                  [](Reader& r, Key k, Value v) {
                    if (!v.is_array()) r.malformed(k, "a list of values");
                    Facts more;
                    more.values.emplace(v.begin(), v.end());
                    r.facts_.values = conjunction(r.facts_, more).values;
                  })},
      {"const", of(0,
                   [](Reader& r, Key, Value v) {
                     Facts more;
                     more.values.emplace({v});
                     r.facts_.values = conjunction(r.facts_, more).values;
                   })},
      {"minimum", bounds},
      {"maximum", bounds},
      {"exclusiveMinimum", bounds},
      {"exclusiveMaximum", bounds},
      {"multipleOf", of(type_number, [](Reader& r, Key k, Value v) { r.read_divisor(k, v); })},
      {"minLength", count_into(type_string, &Facts::min_length)},
      {"maxLength", count_into(type_string, &Facts::max_length)},
      {"pattern",
       of(type_string, [](Reader& r, Key k, Value v) { r.facts_.patterns.push_back(r.text(k, v)); })},
      {"format",
       of(type_string, [](Reader& r, Key k, Value v) { r.facts_.formats.push_back(r.text(k, v)); })},
      {"prefixItems", of(type_array,
                         [](Reader& r, Key k, Value v) {
                           if (!v.is_array()) r.malformed(k, "a list of schemas");
                           r.facts_.prefix = r.schemas(k, v);
                         })},
      {"items", of(type_array, [](Reader& r, Key k, Value v) { r.read_items(k, v); })},
      {"minItems", count_into(type_array, &Facts::min_items)},
      {"maxItems", count_into(type_array, &Facts::max_items)},
      {"uniqueItems", of(type_array,
                         [](Reader& r, Key k, Value v) {
                           if (!v.is_boolean()) r.malformed(k, "true or false");
                           r.facts_.unique = v.get<bool>();
                         })},
      {"properties", of(type_object,
                        [](Reader& r, Key k, Value v) {
                          r.facts_.properties = r.properties(k, v);
                          r.facts_.lists_properties = true;
                        })},
      {"required", of(type_object, [](Reader& r, Key k, Value v) { r.read_required(k, v); })},
      {"patternProperties", of(type_object,
                               [](Reader& r, Key k, Value v) {
                                 r.facts_.by_pattern = r.properties(k, v);
                                 r.facts_.lists_properties = true;
                               })},
      {"additionalProperties",
       of(type_object, [](Reader& r, Key k, Value v) { r.facts_.additional = r.subschema(k, v); })},
      {"propertyNames",
       of(type_object, [](Reader& r, Key k, Value v) { r.facts_.names.push_back(r.subschema(k, v)); })},
      {"minProperties", count_into(type_object, &Facts::min_properties)},
      {"maxProperties", count_into(type_object, &Facts::max_properties)},
  };
  return table;
}

}  // namespace

Facts read_facts(const base::Json& schema, const std::string& pointer) {
  return Reader(schema, pointer).read();
}

}  // namespace swift::text::grammar
