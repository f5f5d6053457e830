// What generation asks of a model: sequences that grow token by token, and logits. The decoder is one
// implementation; tests use a fake one.
#pragma once
#include <cstdint>
#include <span>

namespace swift::infer {

// Tokens appended to one sequence; at least one.
struct Step {
  int64_t sequence;
  std::span<const int32_t> tokens;
};

// Owns the cache of every open sequence.
class StepModel {
 public:
  virtual ~StepModel() = default;
  virtual int64_t vocab_size() const = 0;
  // Longest sequence, prompt and answer together.
  virtual int64_t max_positions() const = 0;
  // A new empty sequence; close() frees its cache.
  virtual int64_t open() = 0;
  virtual void close(int64_t sequence) = 0;
  // Appends and computes; returns fp32 logits of each step's last token, (steps, vocab), valid until the next
  // call.
  virtual std::span<const float> forward(std::span<const Step> steps) = 0;
};

}  // namespace swift::infer
