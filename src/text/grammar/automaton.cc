#include "text/grammar/automaton.h"

#include <algorithm>
#include <unordered_map>

namespace swift::text::grammar {

namespace {

constexpr StateId none = UINT32_MAX;

// States of a product automaton, numbered as they are met.
class Pairs {
 public:
  StateId id(StateId a, StateId b, Budget& budget) {
    const auto [found, added] =
        ids_.try_emplace((uint64_t{a} << 32) | b, static_cast<StateId>(pairs_.size()));
    if (added) {
      budget.add_states();
      pairs_.emplace_back(a, b);
    }
    return found->second;
  }
  size_t size() const { return pairs_.size(); }
  std::pair<StateId, StateId> operator[](size_t i) const { return pairs_[i]; }

 private:
  std::unordered_map<uint64_t, StateId> ids_;
  std::vector<std::pair<StateId, StateId>> pairs_;
};

// Calls visit(first, last, to_a, to_b) for each range of bytes on which a moves; to_b is none where b does
// not.
template <class Visit>
void for_common_ranges(const std::vector<ByteEdge>& a, const std::vector<ByteEdge>& b, Visit visit) {
  size_t j = 0;
  for (const ByteEdge& edge : a) {
    int at = edge.first;
    while (j < b.size() && b[j].last < at) ++j;
    for (size_t k = j; at <= edge.last; ++k) {
      if (k >= b.size() || b[k].first > edge.last) {
        visit(at, edge.last, edge.to, none);
        break;
      }
      if (b[k].first > at) visit(at, b[k].first - 1, edge.to, none);
      const int end = std::min<int>(edge.last, b[k].last);
      visit(std::max<int>(at, b[k].first), end, edge.to, b[k].to);
      at = end + 1;
    }
  }
}

// Product of a with b, where b may have stopped (none) when keep_without_b.
template <class Final>
Automaton product(const Automaton& a, const Automaton& b, bool keep_without_b, Final is_final,
                  Budget& budget) {
  Pairs pairs;
  pairs.id(0, 0, budget);
  Automaton result;
  result.states.clear();
  static const std::vector<ByteEdge> no_edges;
  for (size_t i = 0; i < pairs.size(); ++i) {
    const auto [x, y] = pairs[i];
    Automaton::State state;
    state.final = is_final(a.states[x].final, y != none && b.states[y].final);
    for_common_ranges(a.states[x].bytes, y == none ? no_edges : b.states[y].bytes,
                      [&](int first, int last, StateId to_a, StateId to_b) {
                        if (to_b == none && !keep_without_b) return;
                        const StateId to = pairs.id(to_a, to_b, budget);
                        state.bytes.push_back({static_cast<uint8_t>(first), static_cast<uint8_t>(last), to});
                      });
    budget.add_members(state.bytes.size());
    result.states.push_back(std::move(state));
  }
  return trimmed(std::move(result));
}

std::vector<bool> live_states(const Automaton& automaton) {
  std::vector<std::vector<StateId>> before(automaton.states.size());
  std::vector<bool> live(automaton.states.size(), false);
  std::vector<StateId> open;
  for (StateId s = 0; s < automaton.states.size(); ++s) {
    for (const ByteEdge& edge : automaton.states[s].bytes) before[edge.to].push_back(s);
    for (const CallEdge& edge : automaton.states[s].calls) before[edge.to].push_back(s);
    if (automaton.states[s].final) {
      live[s] = true;
      open.push_back(s);
    }
  }
  while (!open.empty()) {
    const StateId s = open.back();
    open.pop_back();
    for (const StateId from : before[s]) {
      if (live[from]) continue;
      live[from] = true;
      open.push_back(from);
    }
  }
  return live;
}

}  // namespace

std::optional<StateId> next_state(const Automaton& automaton, StateId state, uint8_t byte) {
  const auto& edges = automaton.states[state].bytes;
  const auto found = std::lower_bound(edges.begin(), edges.end(), byte,
                                      [](const ByteEdge& edge, uint8_t b) { return edge.last < b; });
  if (found == edges.end() || found->first > byte) return std::nullopt;
  return found->to;
}

bool Automaton::accepts(std::string_view bytes) const {
  StateId state = 0;
  for (const char c : bytes) {
    const auto next = next_state(*this, state, static_cast<uint8_t>(c));
    if (!next) return false;
    state = *next;
  }
  return states[state].final;
}

bool Automaton::empty() const {
  return !live_states(*this)[0];
}

Automaton intersection(const Automaton& a, const Automaton& b, Budget& budget) {
  return product(
      a, b, false, [](bool x, bool y) { return x && y; }, budget);
}

Automaton difference(const Automaton& a, const Automaton& b, Budget& budget) {
  return product(
      a, b, true, [](bool x, bool y) { return x && !y; }, budget);
}

bool disjoint(const Automaton& a, const Automaton& b, Budget& budget) {
  return intersection(a, b, budget).empty();
}

Automaton trimmed(Automaton automaton) {
  const std::vector<bool> live = live_states(automaton);
  std::vector<StateId> renamed(automaton.states.size(), none);
  StateId count = 1;  // the start stays, live or not
  renamed[0] = 0;
  for (StateId s = 1; s < automaton.states.size(); ++s) {
    if (live[s]) renamed[s] = count++;
  }
  const auto keep = [&](auto& edges) {
    std::erase_if(edges, [&](const auto& edge) { return !live[edge.to]; });
    for (auto& edge : edges) edge.to = renamed[edge.to];
  };
  Automaton result;
  result.states.resize(count);
  for (StateId s = 0; s < automaton.states.size(); ++s) {
    if (renamed[s] == none) continue;
    keep(automaton.states[s].bytes);
    keep(automaton.states[s].calls);
    result.states[renamed[s]] = std::move(automaton.states[s]);
  }
  return result;
}

}  // namespace swift::text::grammar
