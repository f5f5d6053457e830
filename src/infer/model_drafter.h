// A small model that writes ahead of the large one. Both must have the same tokens; either may have rows of
// padding behind them.
#pragma once
#include <map>
#include <span>
#include <string>

#include "infer/block_pool.h"
#include "infer/drafter.h"
#include "infer/step_model.h"
#include "text/tokenizer.h"

namespace swift::infer {

class ModelDrafter : public Drafter {
 public:
  // The model must outlive it. most_batched_tokens: of one forward pass. vocab: ids below it may be guessed;
  // 0: all of the model's.
  explicit ModelDrafter(StepModel& model, int64_t most_batched_tokens = 2048, int64_t vocab = 0);
  // Sequences that find no block, are longer than the model's context or hold a token that it lacks get no
  // guesses.
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
  bool knows(std::span<const int32_t> tokens) const;
  bool provide_blocks(State& state, size_t tokens);
  void advance(std::vector<Work>& work);
  void compute(std::span<Work* const> batch, std::span<const size_t> counts);

  StepModel& model_;
  int64_t most_batched_tokens_;
  size_t vocab_;  // ids from which a guess is drawn
  BlockPool pool_;
  std::map<uint64_t, State> states_;
  SamplingScratch scratch_;
};

// Throws base::Error(usage) naming the first token in which the draft model's tokenizer differs from that of
// the model. directory: of the draft model.
void require_same_tokens(const text::Tokenizer& model, const text::Tokenizer& draft,
                         const std::string& directory);

}  // namespace swift::infer
