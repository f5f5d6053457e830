#include <algorithm>

#include "text/grammar/schema_compiler.h"

namespace swift::text::grammar {

namespace {

constexpr size_t most_distinct = 8;  // values of which every subset is a state

}  // namespace

ExpressionPtr SchemaCompiler::array(const Facts& facts) {
  Nfa nfa(budget_);
  const ExpressionPtr separator = sequence({literal(","), whitespace_.comma});
  const ExpressionPtr close = sequence({whitespace_.inside, literal("]")});
  const StateId end = nfa.add_state();
  nfa.finish(end);
  const StateId open = nfa.append(*literal("["), nfa.start());
  if (facts.min_items == 0) nfa.connect(*literal("]"), open, end);
  // Where i items have been read, and the next may begin.
  StateId before = nfa.append(*whitespace_.inside, open);
  const size_t counted = std::max({facts.prefix.size(), facts.min_items, size_t{1}});
  for (size_t i = 0; i < facts.max_items; ++i) {
    const Subschema item =
        i < facts.prefix.size() ? facts.prefix[i] : facts.items.value_or(Subschema{true, facts.pointer});
    if (item.schema == false) break;
    const StateId after = nfa.append(*call(rule_for(item)), before);
    if (i + 1 >= facts.min_items) nfa.connect(*close, after, end);
    if (i >= counted && facts.max_items == Expression::no_limit) {
      nfa.connect(*separator, after, before);  // any number more
      break;
    }
    before = nfa.add_state();
    nfa.connect(*separator, after, before);
  }
  return embed(nfa.determinized());
}

ExpressionPtr SchemaCompiler::distinct_items(const Facts& facts) {
  if (facts.max_items <= 1) return array(facts);
  std::vector<base::Json> values;
  bool listed = facts.prefix.empty() && facts.items.has_value();
  if (listed) {
    for (const Facts& item : alternatives_.read(*facts.items)) {
      listed = listed && item.values.has_value();
      if (!listed) break;
      for (const base::Json& value : *item.values) {
        const std::optional<bool> fits = alternatives_.fits(value, item);
        listed = listed && fits.has_value();
        if (fits.value_or(false) && std::find(values.begin(), values.end(), value) == values.end())
          values.push_back(value);
      }
    }
  }
  if (!listed || values.size() > most_distinct)
    refuse_schema("unsupported keyword 'uniqueItems'", facts.pointer,
                  "it is supported for items of an enum of at most 8 values");
  Nfa nfa(budget_);
  const StateId end = nfa.add_state();
  nfa.finish(end);
  // One state for each set of values that have been used.
  std::vector<StateId> used(size_t{1} << values.size());
  for (StateId& state : used) state = nfa.add_state();
  nfa.connect(*literal("["), nfa.start(), used[0]);
  for (size_t set = 0; set < used.size(); ++set) {
    const auto count = static_cast<size_t>(__builtin_popcountll(set));
    if (count > facts.max_items) continue;
    if (count >= facts.min_items)
      nfa.connect(*(set == 0 ? literal("]") : sequence({whitespace_.inside, literal("]")})), used[set], end);
    const ExpressionPtr separator =
        set == 0 ? whitespace_.inside : sequence({literal(","), whitespace_.comma});
    for (size_t v = 0; v < values.size(); ++v) {
      const size_t bit = size_t{1} << v;
      if ((set & bit) == 0)
        nfa.connect(*sequence({separator, json_value(values[v], whitespace_)}), used[set], used[set | bit]);
    }
  }
  return embed(nfa.determinized());
}

}  // namespace swift::text::grammar
