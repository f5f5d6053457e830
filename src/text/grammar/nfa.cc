#include "text/grammar/nfa.h"

#include <algorithm>
#include <array>
#include <map>

namespace swift::text::grammar {

Nfa::Nfa(Budget& budget) : budget_(&budget) {
  add_state();
}

StateId Nfa::add_state() {
  budget_->add_states();
  states_.emplace_back();
  return static_cast<StateId>(states_.size() - 1);
}

void Nfa::skip(StateId from, StateId to) {
  states_[from].skips.push_back(to);
}

void Nfa::finish(StateId state) {
  states_[state].final = true;
}

StateId Nfa::append(const Expression& expression, StateId from) {
  switch (expression.kind) {
    case Expression::Kind::bytes:
      for (const char c : expression.bytes) {
        const StateId to = add_state();
        const auto byte = static_cast<uint8_t>(c);
        states_[from].bytes.push_back({byte, byte, to});
        from = to;
      }
      return from;
    case Expression::Kind::characters:
      return append_characters(expression.characters, from);
    case Expression::Kind::sequence:
      for (const ExpressionPtr& part : expression.parts) from = append(*part, from);
      return from;
    case Expression::Kind::choice: {
      const StateId end = add_state();
      for (const ExpressionPtr& part : expression.parts) {
        const StateId begin = add_state();
        skip(from, begin);
        connect(*part, begin, end);
      }
      return end;
    }
    case Expression::Kind::repeat:
      return append_repeat(expression, from);
    case Expression::Kind::call: {
      const StateId to = add_state();
      states_[from].calls.push_back({expression.rule, to});
      return to;
    }
    case Expression::Kind::automaton:
      return append_automaton(*expression.automaton, from);
  }
  return from;
}

StateId Nfa::append_characters(const CodePoints& characters, StateId from) {
  const StateId end = add_state();
  for (const ByteSequence& spelled : utf8_sequences(characters)) {
    StateId at = from;
    for (int i = 0; i < spelled.length; ++i) {
      const StateId to = i + 1 == spelled.length ? end : add_state();
      states_[at].bytes.push_back({spelled.bytes[i].first, spelled.bytes[i].last, to});
      at = to;
    }
  }
  return end;
}

StateId Nfa::append_repeat(const Expression& expression, StateId from) {
  const Expression& part = *expression.parts.front();
  for (size_t i = 0; i < expression.min; ++i) {
    budget_->add_states();  // an empty part must not loop for free
    from = append(part, from);
  }
  const StateId end = add_state();
  if (expression.max == Expression::no_limit) {
    const StateId loop = add_state();
    skip(from, loop);
    connect(part, loop, loop);
    skip(loop, end);
    return end;
  }
  for (size_t i = expression.min; i < expression.max; ++i) {
    const StateId begin = add_state();
    skip(from, begin);
    skip(begin, end);
    from = append(part, begin);
  }
  skip(from, end);
  return end;
}

StateId Nfa::append_automaton(const Automaton& automaton, StateId from) {
  const StateId end = add_state();
  const auto offset = static_cast<StateId>(states_.size());
  for (size_t i = 0; i < automaton.states.size(); ++i) add_state();
  skip(from, offset);
  for (size_t i = 0; i < automaton.states.size(); ++i) {
    State& state = states_[offset + i];
    for (ByteEdge edge : automaton.states[i].bytes) {
      edge.to += offset;
      state.bytes.push_back(edge);
    }
    for (CallEdge edge : automaton.states[i].calls) {
      edge.to += offset;
      state.calls.push_back(edge);
    }
    if (automaton.states[i].final) state.skips.push_back(end);
  }
  return end;
}

// Sets of states, numbered as they are met. A set keeps only the states that have edges or are final.
class Nfa::Subsets {
 public:
  explicit Subsets(const Nfa& nfa) : nfa_(nfa), seen_(nfa.states_.size(), 0) {}

  StateId id(const std::vector<StateId>& targets) {
    ++round_;
    open_.assign(targets.begin(), targets.end());
    std::vector<StateId> set;
    while (!open_.empty()) {
      const StateId s = open_.back();
      open_.pop_back();
      if (seen_[s] == round_) continue;
      seen_[s] = round_;
      const State& state = nfa_.states_[s];
      if (!state.bytes.empty() || !state.calls.empty() || state.final) set.push_back(s);
      open_.insert(open_.end(), state.skips.begin(), state.skips.end());
      nfa_.budget_->add_members(1 + state.skips.size() / 8);
    }
    std::sort(set.begin(), set.end());
    const auto [found, added] = ids_.try_emplace(std::move(set), static_cast<StateId>(sets_.size()));
    if (added) {
      nfa_.budget_->add_states();
      sets_.push_back(&found->first);
    }
    return found->second;
  }
  size_t size() const { return sets_.size(); }
  const std::vector<StateId>& operator[](size_t i) const { return *sets_[i]; }

 private:
  const Nfa& nfa_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  std::vector<StateId> open_;
  std::map<std::vector<StateId>, StateId> ids_;
  std::vector<const std::vector<StateId>*> sets_;
};

Automaton Nfa::determinized() const {
  Subsets subsets(*this);
  subsets.id({start()});
  Automaton result;
  result.states.clear();
  std::array<std::vector<StateId>, 256> by_byte;
  for (size_t i = 0; i < subsets.size(); ++i) {
    Automaton::State out;
    for (std::vector<StateId>& targets : by_byte) targets.clear();
    std::map<RuleId, std::vector<StateId>> by_rule;
    for (const StateId s : subsets[i]) {
      out.final = out.final || states_[s].final;
      for (const CallEdge& edge : states_[s].calls) by_rule[edge.rule].push_back(edge.to);
      for (const ByteEdge& edge : states_[s].bytes) {
        for (int b = edge.first; b <= edge.last; ++b) by_byte[b].push_back(edge.to);
      }
    }
    for (int b = 0; b < 256; ++b) {
      if (by_byte[b].empty()) continue;
      if (b > 0 && by_byte[b] == by_byte[b - 1]) {
        out.bytes.back().last = static_cast<uint8_t>(b);
        continue;
      }
      const StateId to = subsets.id(by_byte[b]);
      if (!out.bytes.empty() && out.bytes.back().to == to && out.bytes.back().last + 1 == b)
        out.bytes.back().last = static_cast<uint8_t>(b);
      else
        out.bytes.push_back({static_cast<uint8_t>(b), static_cast<uint8_t>(b), to});
    }
    for (const auto& [rule, targets] : by_rule) out.calls.push_back({rule, subsets.id(targets)});
    result.states.push_back(std::move(out));
  }
  return trimmed(std::move(result));
}

}  // namespace swift::text::grammar
