#include "text/grammar/schema_alternatives.h"

#include <algorithm>

namespace swift::text::grammar {

namespace {

using base::Json;

constexpr size_t most_alternatives = 256;
constexpr int levels_compared = 4;

// %41 and the like in a URI fragment.
std::string percent_decoded(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const std::string digits = text.substr(i + 1, 2);
    const bool escape = text[i] == '%' && digits.size() == 2 &&
                        digits.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
    result += escape ? static_cast<char>(std::stoi(digits, nullptr, 16)) : text[i];
    if (escape) i += 2;
  }
  return result;
}

}  // namespace

Alternatives::Alternatives(const Json& root, const SchemaOptions& options, Budget& budget)
    : root_(root), options_(options), budget_(budget) {}

std::vector<Facts> Alternatives::read(const Subschema& schema) {
  following_.clear();
  return read(schema.schema, schema.pointer, 0);
}

const Json& Alternatives::referenced(const Json& reference, const std::string& pointer,
                                     std::string& target) const {
  const std::string place_of = below(pointer, "$ref");
  if (!reference.is_string()) refuse_schema("'$ref' must be a string", place_of);
  target = percent_decoded(reference.get<std::string>());
  if (target != "#" && !target.starts_with("#/"))
    refuse_schema("'$ref' to '" + target + "' is not supported", place_of,
                  "refer to a part of the same schema: #/$defs/name");
  target.erase(0, 1);
  try {
    return root_.at(Json::json_pointer(target));
  } catch (const Json::exception&) {
    refuse_schema("'$ref' to '#" + target + "', which the schema does not have,", place_of,
                  "define it under $defs");
  }
}

std::vector<Facts> Alternatives::read(const Json& schema, const std::string& pointer, int depth) {
  budget_.check_depth(depth);
  budget_.add_states();
  if (schema.is_boolean()) {
    Facts anything;
    anything.pointer = pointer;
    return schema.get<bool>() ? std::vector<Facts>{anything} : std::vector<Facts>{};
  }
  if (!schema.is_object()) refuse_schema("a schema must be an object or a boolean", pointer);
  std::vector<Facts> result{read_facts(schema, pointer)};
  if (schema.contains("$ref")) {
    std::string target;
    const Json& to = referenced(schema["$ref"], pointer, target);
    if (!following_.insert(target).second)
      refuse_schema("'$ref' to '#" + target + "' leads back to itself", below(pointer, "$ref"),
                    "put properties or items between a schema and its reference to itself");
    result = product(result, read(to, target, depth + 1));
    following_.erase(target);
  }
  if (schema.contains("allOf")) {
    const Json& list = schema["allOf"];
    const std::string at = below(pointer, "allOf");
    if (!list.is_array()) refuse_schema("'allOf' must be a list of schemas", at);
    for (size_t i = 0; i < list.size(); ++i)
      result = product(result, read(list[i], below(at, std::to_string(i)), depth + 1));
  }
  if (schema.contains("anyOf"))
    result = product(result, branches(schema["anyOf"], below(pointer, "anyOf"), depth));
  if (schema.contains("oneOf"))
    result = one_of_branches(result, schema["oneOf"], below(pointer, "oneOf"), depth);
  return result;
}

std::vector<Facts> Alternatives::branches(const Json& list, const std::string& pointer, int depth) {
  if (!list.is_array() || list.empty()) refuse_schema("a list of schemas is expected", pointer);
  std::vector<Facts> result;
  for (size_t i = 0; i < list.size(); ++i) {
    for (Facts& facts : read(list[i], below(pointer, std::to_string(i)), depth + 1))
      result.push_back(std::move(facts));
  }
  return result;
}

std::vector<Facts> Alternatives::product(const std::vector<Facts>& a, const std::vector<Facts>& b) {
  if (a.size() * b.size() > most_alternatives)
    refuse_schema("more than " + std::to_string(most_alternatives) + " combinations of alternatives",
                  a.front().pointer, "use fewer anyOf, oneOf and allOf at one place");
  std::vector<Facts> result;
  for (const Facts& x : a) {
    for (const Facts& y : b) {
      budget_.add_states(1 + (x.properties.size() + y.properties.size()) / 8);
      result.push_back(conjunction(x, y));
    }
  }
  return result;
}

std::vector<Facts> Alternatives::one_of_branches(const std::vector<Facts>& base, const Json& list,
                                                 const std::string& pointer, int depth) {
  if (!list.is_array() || list.empty()) refuse_schema("a list of schemas is expected", pointer);
  std::vector<std::vector<Facts>> all;
  for (size_t i = 0; i < list.size(); ++i)
    all.push_back(product(base, read(list[i], below(pointer, std::to_string(i)), depth + 1)));
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = i + 1; j < all.size(); ++j) {
      const bool apart = std::all_of(all[i].begin(), all[i].end(), [&](const Facts& x) {
        return std::all_of(all[j].begin(), all[j].end(),
                           [&](const Facts& y) { return disjoint(x, y, levels_compared); });
      });
      if (!apart)
        refuse_schema("'oneOf' whose branches " + std::to_string(i) + " and " + std::to_string(j) +
                          " may both hold is not supported",
                      pointer, "use anyOf, or give each branch a required property with its own const");
    }
  }
  std::vector<Facts> result;
  for (const std::vector<Facts>& branch : all) result.insert(result.end(), branch.begin(), branch.end());
  return result;
}

unsigned Alternatives::types(const Facts& facts) const {
  if (facts.types) return *facts.types;
  if (options_.open || facts.mentioned == 0 || facts.values) return type_all;
  return facts.mentioned;
}

Subschema Alternatives::additional(const Facts& facts) const {
  if (facts.additional) return *facts.additional;
  return {options_.open || !facts.lists_properties, facts.pointer};
}

}  // namespace swift::text::grammar
