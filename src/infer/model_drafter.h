// A small model that writes ahead of the large one. Both must have the same tokens.
#pragma once
#include <map>

#include "infer/block_pool.h"
#include "infer/drafter.h"
#include "infer/step_model.h"

namespace swift::infer {

class ModelDrafter : public Drafter {
 public:
  // The model must outlive it. most_batched_tokens: of one forward pass.
  explicit ModelDrafter(StepModel& model, int64_t most_batched_tokens = 2048);
  // Sequences that find no block, or are longer than the model's context, get no guesses.
  void propose(std::span<const DraftQuery> queries) override;
  void forget(uint64_t id) override;
  const BlockPool& pool() const { return pool_; }

 private:
  // What the cache holds of one sequence: keys and values of the first tokens.
  struct State {
    std::vector<int32_t> tokens;
    std::vector<int32_t> blocks;
  };
  struct Work {
    const DraftQuery* query;
    State* state;
    std::vector<int32_t> pending;  // not yet computed, at least one
  };
  bool provide_blocks(State& state, size_t tokens);
  void advance(std::vector<Work>& work);
  void compute(std::span<Work* const> batch, std::span<const size_t> counts);

  StepModel& model_;
  int64_t most_batched_tokens_;
  BlockPool pool_;
  std::map<uint64_t, State> states_;
  SamplingScratch scratch_;
};

}  // namespace swift::infer
