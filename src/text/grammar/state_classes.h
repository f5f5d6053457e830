// States that no token can tell apart.
#pragma once
#include <vector>

#include "text/grammar/program.h"

namespace swift::text::grammar {

// For each state the first one that behaves as it does for the next `bytes` bytes; itself where that is not
// known. So the states of a long count (maxLength: 5000) share their masks until the end of the count comes
// within reach of a token.
std::vector<StateId> alike_states(const Program& program, size_t bytes);

}  // namespace swift::text::grammar
