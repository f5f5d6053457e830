// JSON Schema to rules: one rule per distinct subschema.
//
// Keywords: type, enum, const; properties, required, additionalProperties, patternProperties (patterns that
// exclude each other), propertyNames, minProperties, maxProperties; items, prefixItems, minItems, maxItems,
// uniqueItems (of few enum values); minLength, maxLength, pattern, format (date-time, date, time, duration,
// email, hostname, ipv4, ipv6, uri, uuid; others are annotations); minimum, maximum and their exclusive
// forms, multipleOf (whole numbers); $ref within the schema, also recursive; anyOf, oneOf (branches that
// provably exclude each other), allOf (merged); true and false; nullable.
#pragma once
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "text/grammar/json_text.h"
#include "text/grammar/nfa.h"
#include "text/grammar/program.h"
#include "text/grammar/schema_alternatives.h"

namespace swift::text::grammar {

class SchemaCompiler {
 public:
  // All are kept by reference.
  SchemaCompiler(const base::Json& root, const SchemaOptions& options, Budget& budget);
  Program program();

 private:
  struct Key;
  RuleId add_rule(const std::string& name);
  // The rule of the schema, compiled later if it is new.
  RuleId rule_for(const Subschema& schema);
  ExpressionPtr value(const Facts& facts);
  ExpressionPtr listed_values(const Facts& facts);
  ExpressionPtr string(const Facts& facts);
  ExpressionPtr array(const Facts& facts);
  ExpressionPtr distinct_items(const Facts& facts);
  ExpressionPtr object(const Facts& facts);
  // Keys of properties that are not listed, by what their values must be.
  std::vector<Key> other_keys(const Facts& facts, const std::vector<Facts::Property>& listed);
  std::vector<Facts::Property> listed_properties(const Facts& facts);
  bool name_fits(const std::string& name, const Facts& facts);
  // Texts of the strings under the schema.
  Automaton texts_of(const Subschema& schema);

  const base::Json& root_;
  Budget& budget_;
  Alternatives alternatives_;
  Whitespace whitespace_;
  std::map<std::string, RuleId> known_;  // by the schema's text
  std::vector<Automaton> rules_;
  std::vector<std::string> names_;
  std::deque<std::pair<RuleId, Subschema>> open_;
  RuleId any_character_ = 0;
  RuleId any_string_ = 0;
};

}  // namespace swift::text::grammar
