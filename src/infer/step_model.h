// What the engine needs of a model: several sequences computed in one forward pass over a paged key/value
// cache. The engine depends on this alone, so that its scheduling can be tested without a network.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "ops/draw_rule.h"

namespace swift::infer {

// Tokens to compute for one sequence; at least one.
struct Step {
  std::span<const int32_t> tokens;
  int64_t start = 0;                // position of the first token
  std::span<const int32_t> blocks;  // block table: covers positions [0, start + tokens.size())
  int32_t adapter = -1;             // index from load order, -1: the model itself
  int64_t logits = 1;               // of this many of the last tokens; 0: none wanted
};

// A token's results depend on the tokens before it alone, bit for bit: not on the batch, not on how a prompt
// is cut into chunks. Implementations are not thread-safe.
class StepModel {
 public:
  virtual ~StepModel() = default;
  virtual int64_t vocab_size() const = 0;
  virtual int64_t max_positions() const = 0;  // longest sequence, prompt and answer together
  virtual int64_t block_tokens() const = 0;   // positions of one block of the key/value cache
  virtual int64_t blocks() const = 0;         // blocks of the cache
  // Computes and stores the keys and values; returns fp32 logits (sum of steps' logits, vocab) in the order
  // of the steps, valid until the next call.
  virtual std::span<const float> forward(std::span<const Step> steps) = 0;
  // Whether draw() is there: a model on a device chooses tokens where the logits are.
  virtual bool draws() const { return false; }
  // Computes the steps as forward() does and draws a token for each that wants logits (one then), by the
  // rules in the same order. count above 1: steps of one token each, whose blocks cover `count` tokens and
  // whose rules last; each goes on with what it drew. Returns the tokens (count, rules), or ops::kNotFinite
  // or ops::kNothingLeft in place of one, after which nothing of that row holds, with what rules ask for.
  virtual ops::DrawnTokens draw(std::span<const Step> steps, std::span<const ops::DrawRule> rules,
                                int64_t count);
  // How many tokens one call should draw for so many sequences.
  virtual int64_t draws_ahead(int64_t /*sequences*/) const { return 1; }
  // Mean of the last hidden states of each step's tokens, (steps, hidden); for embeddings.
  virtual std::vector<std::vector<float>> embed(std::span<const Step> steps) = 0;
  // log softmax(logits / temperature)[token], as a trainer of this model computes it. logits (vocab).
  virtual double token_log_prob(std::span<const float> logits, int32_t token, double temperature) const;
  // Adapters: returns the index for Step::adapter. Throws base::Error(model). unload frees it.
  virtual int32_t load_adapter(const std::filesystem::path& directory) = 0;
  virtual void unload_adapter(int32_t adapter) = 0;
};

}  // namespace swift::infer
