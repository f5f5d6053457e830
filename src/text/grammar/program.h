// The rules of a grammar, linked into one table of states.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "text/grammar/automaton.h"

namespace swift::text::grammar {

struct Program {
  struct Call {
    StateId callee;  // start of the rule
    StateId to;      // where its caller goes on
  };
  struct State {
    std::vector<ByteEdge> bytes;
    std::vector<Call> calls;
    bool final = false;  // the rule may end here
    bool ends = false;   // final, and nothing else can come
  };
  std::vector<State> states;
  StateId start = 0;
  // Bytes that no state tells apart share a class.
  std::array<uint8_t, 256> class_of{};
  std::vector<uint8_t> example;  // a byte of each class
};

// Rule 0 is the whole. names: of the rules, for messages; empty where a rule has none. Throws
// base::Error(usage) when the language has no text, or when a rule can call itself before it has taken a
// byte.
Program link(std::vector<Automaton> rules, const std::vector<std::string>& names);

}  // namespace swift::text::grammar
