#include <algorithm>
#include <map>

#include "text/grammar/schema_compiler.h"
#include "text/grammar/schema_scalars.h"

namespace swift::text::grammar {

// A set of keys whose values follow one rule.
struct SchemaCompiler::Key {
  ExpressionPtr text;  // in quotes
  RuleId value;
};

namespace {

Subschema both(const Subschema& a, const Subschema& b) {
  return {{{"allOf", {a.schema, b.schema}}}, a.pointer};
}

Automaton any_text(Budget& budget) {
  return automaton_of(repeat(one_of(CodePoints::any()), 0), budget);
}

// States of an object that is being written, by how many properties it has. Listed ones come first, in their
// order; of the others only one counts towards a minimum, since their keys may repeat.
class ObjectBuilder {
 public:
  ObjectBuilder(Nfa& nfa, const Facts& facts, const Whitespace& whitespace)
      : nfa_(nfa), facts_(facts), whitespace_(whitespace), end_(nfa.add_state()) {
    nfa_.finish(end_);
    counted_ = facts.max_properties != Expression::no_limit ? facts.max_properties
                                                            : std::max<size_t>(1, facts.min_properties);
    states_[0] = nfa_.append(*literal("{"), nfa_.start());
  }

  // The next listed property.
  void listed(const ExpressionPtr& key, RuleId value, bool required) {
    std::map<size_t, StateId> next;
    for (const auto& [count, state] : states_) {
      if (!required) nfa_.skip(state, at(next, count));
      if (can_add(count)) pair(key, value, count, state, at(next, added(count)));
    }
    states_ = std::move(next);
  }

  void finish() {
    for (const auto& [count, state] : states_) close(count, state, count);
  }

  struct Other {
    ExpressionPtr text;
    RuleId value;
  };
  void others(const std::vector<Other>& keys) {
    if (keys.empty()) return;
    for (const auto& [count, state] : states_) {
      size_t total = count;
      StateId from = state;
      while (can_add(total)) {
        const size_t next = added(total);
        const bool loops = total != 0 && next == total && from != state;
        const StateId to = loops ? from : nfa_.add_state();
        for (const Other& key : keys) pair(key.text, key.value, total, from, to);
        if (loops) break;
        close(next, to, std::min(count + 1, next));
        from = to;
        total = next;
      }
    }
  }

 private:
  bool can_add(size_t count) const {
    return facts_.max_properties == Expression::no_limit || count < counted_;
  }
  size_t added(size_t count) const { return std::min(count + 1, counted_); }
  StateId at(std::map<size_t, StateId>& states, size_t count) {
    const auto [found, is_new] = states.try_emplace(count, 0);
    if (is_new) found->second = nfa_.add_state();
    return found->second;
  }
  void pair(const ExpressionPtr& key, RuleId value, size_t count, StateId from, StateId to) {
    const ExpressionPtr before =
        count == 0 ? whitespace_.inside : sequence({literal(","), whitespace_.comma});
    nfa_.connect(*sequence({before, key, literal(":"), whitespace_.colon, call(value)}), from, to);
  }
  void close(size_t count, StateId state, size_t distinct) {
    if (distinct < facts_.min_properties) return;
    nfa_.connect(*(count == 0 ? literal("}") : sequence({whitespace_.inside, literal("}")})), state, end_);
  }

  Nfa& nfa_;
  const Facts& facts_;
  const Whitespace& whitespace_;
  StateId end_;
  size_t counted_ = 1;  // counts above are not told apart
  std::map<size_t, StateId> states_;
};

}  // namespace

Automaton SchemaCompiler::texts_of(const Subschema& schema) {
  std::vector<ExpressionPtr> parts;
  for (const Facts& facts : alternatives_.read(schema)) {
    if ((alternatives_.types(facts) & type_string) == 0) continue;
    if (!facts.values) {
      parts.push_back(embed(schema_texts(facts, budget_)));
      continue;
    }
    for (const base::Json& value : *facts.values) {
      if (value.is_string() && alternatives_.fits(value, facts) == true)
        parts.push_back(literal(value.get<std::string>()));
    }
  }
  return automaton_of(choice(std::move(parts)), budget_);
}

bool SchemaCompiler::name_fits(const std::string& name, const Facts& facts) {
  return std::all_of(facts.names.begin(), facts.names.end(),
                     [&](const Subschema& schema) { return texts_of(schema).accepts(name); });
}

std::vector<Facts::Property> SchemaCompiler::listed_properties(const Facts& facts) {
  std::vector<Facts::Property> result = facts.properties;
  for (const std::string& name : facts.required) {
    const bool known =
        std::any_of(result.begin(), result.end(), [&](const auto& p) { return p.name == name; });
    // What is required is admitted, unless additionalProperties says no.
    if (!known) result.push_back({name, facts.additional.value_or(Subschema{true, facts.pointer})});
  }
  for (const Facts::Property& pattern : facts.by_pattern) {
    const Automaton matching = pattern_texts(pattern.name, pattern.value.pointer, budget_);
    for (Facts::Property& property : result) {
      if (!matching.accepts(property.name)) continue;
      // A required property that only a pattern knows is not an additional one.
      property.value = facts.property(property.name) ? both(property.value, pattern.value) : pattern.value;
    }
  }
  return result;
}

std::vector<SchemaCompiler::Key> SchemaCompiler::other_keys(const Facts& facts,
                                                            const std::vector<Facts::Property>& listed) {
  const Subschema additional = alternatives_.additional(facts);
  if (additional.schema == false && facts.by_pattern.empty()) return {};
  std::vector<ExpressionPtr> names;
  for (const Facts::Property& property : listed) names.push_back(literal(property.name));
  Automaton rest = difference(any_text(budget_), automaton_of(choice(std::move(names)), budget_), budget_);
  for (const Subschema& schema : facts.names) rest = intersection(rest, texts_of(schema), budget_);
  std::vector<Key> keys;
  std::vector<Automaton> patterns;
  for (const Facts::Property& pattern : facts.by_pattern) {
    patterns.push_back(pattern_texts(pattern.name, pattern.value.pointer, budget_));
    for (size_t i = 0; i + 1 < patterns.size(); ++i) {
      if (!disjoint(patterns[i], patterns.back(), budget_))
        refuse_schema("'patternProperties' whose patterns may match the same name are not supported: '" +
                          facts.by_pattern[i].name + "' and '" + pattern.name + "'",
                      facts.pointer, "write patterns that exclude each other");
    }
    keys.push_back({json_strings(intersection(rest, patterns.back(), budget_)), rule_for(pattern.value)});
  }
  for (const Automaton& pattern : patterns) rest = difference(rest, pattern, budget_);
  if (additional.schema != false) keys.push_back({json_strings(rest), rule_for(additional)});
  return keys;
}

ExpressionPtr SchemaCompiler::object(const Facts& facts) {
  const bool unlisted = facts.properties.empty() && facts.required.empty() && facts.by_pattern.empty() &&
                        facts.names.empty() && facts.min_properties == 0;
  Nfa nfa(budget_);
  ObjectBuilder builder(nfa, facts, whitespace_);
  const std::vector<Facts::Property> listed = listed_properties(facts);
  for (const Facts::Property& property : listed) {
    const bool required = facts.requires_property(property.name);
    if (!required && (property.value.schema == false || !name_fits(property.name, facts))) continue;
    const RuleId value =
        name_fits(property.name, facts) ? rule_for(property.value) : rule_for({false, facts.pointer});
    builder.listed(json_string(property.name), value, required);
  }
  std::vector<ObjectBuilder::Other> others;
  const Subschema additional = alternatives_.additional(facts);
  if (unlisted && additional.schema != false) {
    others.push_back({call(any_string_), rule_for(additional)});
  } else {
    for (const Key& key : other_keys(facts, listed)) others.push_back({key.text, key.value});
  }
  if (facts.min_properties > listed.size() + (others.empty() ? 0 : 1))
    refuse_schema("'minProperties' of more than the listed properties, and one other, is not supported",
                  facts.pointer, "list the properties under 'properties'");
  builder.others(others);
  builder.finish();
  return embed(nfa.determinized());
}

}  // namespace swift::text::grammar
