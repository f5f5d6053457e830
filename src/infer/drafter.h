// Guesses of the next tokens, which the model then checks in one forward pass (speculative decoding). A guess
// only saves time: what is chosen never depends on it.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "infer/sampler.h"

namespace swift::infer {

struct DraftQuery {
  uint64_t id = 0;                        // of the sequence, the same from call to call
  std::span<const int32_t> tokens;        // prompt and answer
  const Sampler* sampler = nullptr;       // of the answer
  int64_t most = 0;                       // tokens wanted, at least one
  std::vector<int32_t>* draft = nullptr;  // empty; takes the guesses
};

class Drafter {
 public:
  virtual ~Drafter() = default;
  virtual void propose(std::span<const DraftQuery> queries) = 0;
  // The sequence is over.
  virtual void forget(uint64_t id) = 0;
};

}  // namespace swift::infer
