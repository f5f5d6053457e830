#include "text/grammar/schema_compiler.h"

#include <algorithm>

#include "base/error.h"
#include "text/grammar/grammar.h"
#include "text/grammar/schema_scalars.h"

namespace swift::text::grammar {

namespace {

using base::Json;

// Levels of the JSON itself; deeper ones would exhaust the stack of what follows.
void check_nesting(const Json& schema, const Budget& budget) {
  std::vector<std::pair<const Json*, int>> open{{&schema, 0}};
  while (!open.empty()) {
    const auto [json, depth] = open.back();
    open.pop_back();
    budget.check_depth(depth / 2);  // a schema in properties takes two levels
    if (!json->is_structured()) continue;
    for (const Json& member : *json) open.emplace_back(&member, depth + 1);
  }
}

}  // namespace

SchemaCompiler::SchemaCompiler(const Json& root, const SchemaOptions& options, Budget& budget)
    : root_(root),
      budget_(budget),
      alternatives_(root, options, budget),
      whitespace_(Whitespace::of(options.indented)) {}

Program SchemaCompiler::program() {
  check_nesting(root_, budget_);
  rule_for({root_, ""});
  any_character_ = add_rule("character");
  rules_[any_character_] = automaton_of(any_string_character(), budget_);
  any_string_ = add_rule("string");
  rules_[any_string_] =
      automaton_of(sequence({literal("\""), repeat(any_string_character(), 0), literal("\"")}), budget_);
  while (!open_.empty()) {
    const auto [rule, schema] = std::move(open_.front());
    open_.pop_front();
    std::vector<ExpressionPtr> parts;
    for (const Facts& facts : alternatives_.read(schema)) parts.push_back(value(facts));
    rules_[rule] = automaton_of(choice(std::move(parts)), budget_);
  }
  return link(std::move(rules_), names_);
}

RuleId SchemaCompiler::add_rule(const std::string& name) {
  budget_.add_states();
  rules_.emplace_back();
  names_.push_back(name);
  return static_cast<RuleId>(rules_.size() - 1);
}

RuleId SchemaCompiler::rule_for(const Subschema& schema) {
  const std::string text = schema.schema.dump();
  budget_.add_members(text.size() / 16 + 1);
  const auto found = known_.find(text);
  if (found != known_.end()) return found->second;
  const RuleId rule = add_rule(place(schema.pointer));
  known_.emplace(text, rule);
  open_.emplace_back(rule, schema);
  return rule;
}

ExpressionPtr SchemaCompiler::value(const Facts& facts) {
  if (facts.values) return listed_values(facts);
  const unsigned types = alternatives_.types(facts);
  std::vector<ExpressionPtr> parts;
  if ((types & type_null) != 0) parts.push_back(literal("null"));
  if ((types & type_boolean) != 0) parts.insert(parts.end(), {literal("true"), literal("false")});
  if ((types & type_whole) != 0)
    parts.push_back(schema_numbers(facts, (types & type_fraction) == 0, budget_));
  if ((types & type_string) != 0) parts.push_back(string(facts));
  if ((types & type_array) != 0) parts.push_back(facts.unique ? distinct_items(facts) : array(facts));
  if ((types & type_object) != 0) parts.push_back(object(facts));
  return choice(std::move(parts));
}

ExpressionPtr SchemaCompiler::listed_values(const Facts& facts) {
  std::vector<ExpressionPtr> parts;
  for (const Json& value : *facts.values) {
    const std::optional<bool> fits = alternatives_.fits(value, facts);
    if (!fits)
      refuse_schema("'enum' or 'const' with objects or arrays beside keywords that limit them", facts.pointer,
                    "list only the values that the other keywords admit, and drop those keywords");
    if (*fits) parts.push_back(json_value(value, whitespace_));
  }
  return choice(std::move(parts));
}

ExpressionPtr SchemaCompiler::string(const Facts& facts) {
  if (limits_text(facts)) return json_strings(schema_texts(facts, budget_));
  if (facts.min_length == 0 && facts.max_length == Expression::no_limit) return call(any_string_);
  return sequence(
      {literal("\""), repeat(call(any_character_), facts.min_length, facts.max_length), literal("\"")});
}

}  // namespace swift::text::grammar

namespace swift::text {

std::shared_ptr<const Grammar> compile_json_schema(const base::Json& schema, const SchemaOptions& options,
                                                   const CompileLimits& limits) {
  grammar::Budget budget(limits);
  return std::make_shared<const Grammar>(grammar::SchemaCompiler(schema, options, budget).program());
}

std::shared_ptr<const Grammar> compile_json_object(const CompileLimits& limits) {
  return compile_json_schema({{"type", "object"}}, {}, limits);
}

}  // namespace swift::text
