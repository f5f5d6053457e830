// Finite automata over bytes whose edges may also call other rules: the form in which each rule of a grammar
// runs.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "text/grammar/budget.h"

namespace swift::text::grammar {

using RuleId = uint32_t;
using StateId = uint32_t;

// Taken on every byte from first to last.
struct ByteEdge {
  uint8_t first;
  uint8_t last;
  StateId to;
};

// Taken on every text of the rule.
struct CallEdge {
  RuleId rule;
  StateId to;
};

// At most one byte edge per byte and one call edge per rule leave a state; edges are sorted. State 0 is the
// start.
struct Automaton {
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<CallEdge> calls;
    bool final = false;
  };
  std::vector<State> states{1};

  bool accepts(std::string_view bytes) const;  // calls are not followed
  bool empty() const;                          // no final state is reached; calls count as passable
};

// The state after the byte, or none.
std::optional<StateId> next_state(const Automaton& automaton, StateId state, uint8_t byte);

// Texts of both, and of the first without the second. Neither may have calls.
Automaton intersection(const Automaton& a, const Automaton& b, Budget& budget);
Automaton difference(const Automaton& a, const Automaton& b, Budget& budget);
bool disjoint(const Automaton& a, const Automaton& b, Budget& budget);

// Without the states that reach no final state. Calls count as passable.
Automaton trimmed(Automaton automaton);

}  // namespace swift::text::grammar
