// The decoder as a StepModel: one contiguous key/value cache a sequence, grown by doubling.
#pragma once
#include <map>
#include <vector>

#include "infer/step_model.h"
#include "model/decoder.h"

namespace swift::infer {

class DecoderModel : public StepModel {
 public:
  explicit DecoderModel(model::Decoder decoder) : decoder_(std::move(decoder)) {}
  int64_t vocab_size() const override { return decoder_.spec.vocab; }
  int64_t max_positions() const override { return decoder_.spec.max_positions; }
  int64_t open() override;
  void close(int64_t sequence) override { caches_.erase(sequence); }
  std::span<const float> forward(std::span<const Step> steps) override;

 private:
  // Keys and values of one sequence, per layer (kv_heads, capacity, head_dim).
  struct Cache {
    std::vector<at::Tensor> keys, values;
    int64_t length = 0;
    int64_t capacity = 0;
  };
  class CacheContext;
  void reserve(Cache& cache, int64_t tokens) const;

  model::Decoder decoder_;
  std::map<int64_t, Cache> caches_;
  int64_t next_ = 0;
  at::Tensor logits_;  // (steps, vocab) fp32, what forward() hands out
};

}  // namespace swift::infer
