// Automata with choice, built piece by piece (Thompson's construction), and their subset construction.
#pragma once
#include <vector>

#include "text/grammar/automaton.h"
#include "text/grammar/expression.h"

namespace swift::text::grammar {

class Nfa {
 public:
  explicit Nfa(Budget& budget);
  StateId start() const { return 0; }
  StateId add_state();
  void skip(StateId from, StateId to);  // an edge that takes nothing
  // Appends the expression after `from`; the state in which it has been read. Nothing may lead back to `from`
  // through the new states: it is the caller's.
  StateId append(const Expression& expression, StateId from);
  // The same, ending in `to`.
  void connect(const Expression& expression, StateId from, StateId to) { skip(append(expression, from), to); }
  void finish(StateId state);
  Automaton determinized() const;

 private:
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<CallEdge> calls;
    std::vector<StateId> skips;
    bool final = false;
  };
  class Subsets;
  StateId append_characters(const CodePoints& characters, StateId from);
  StateId append_repeat(const Expression& expression, StateId from);
  StateId append_automaton(const Automaton& automaton, StateId from);

  Budget* budget_;
  std::vector<State> states_;
};

}  // namespace swift::text::grammar
