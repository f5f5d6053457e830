// The optimizer steps of a run: which samples make up each micro-batch, in an order that a checkpoint can
// resume.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/packing.h"
#include "data/sample.h"
#include "data/sampler.h"

namespace swift::train {

struct BatchSettings {
  int64_t batch_size = 1;    // samples, or packed sequences, of a micro-batch
  int64_t accumulation = 1;  // micro-batches of an optimizer step
  bool packing = false;
  int64_t packing_length = 0;  // tokens of a packed sequence
  bool shuffle = true;
  uint64_t seed = 42;
};

// One optimizer step. Steps do not cross epochs, so the last of an epoch may be short (as in transformers'
// Trainer).
struct StepBatch {
  std::vector<data::Pack> micro_batches;
  int64_t tokens = 0;          // input tokens, none of them padding
  int64_t trained_tokens = 0;  // the divisor of the loss
};

class Batches {
 public:
  // samples must outlive this. Throws base::Error(data) when there are none.
  Batches(std::span<const data::Sample> samples, const BatchSettings& settings);

  StepBatch next();
  int64_t steps_per_epoch() const;
  data::Cursor cursor() const { return sampler_.cursor(); }
  void seek(data::Cursor cursor) { sampler_.seek(cursor); }
  // Samples, or packed sequences.
  int64_t items() const { return sampler_.items(); }
  // Share of an epoch that lies behind the cursor, plus whole epochs.
  double epochs_done() const;

 private:
  data::Pack micro_batch(const std::vector<uint32_t>& items) const;
  std::span<const data::Sample> samples_;
  BatchSettings settings_;
  std::vector<std::vector<uint32_t>> bins_;  // samples of each packed sequence; empty without packing
  data::Sampler sampler_;
};

}  // namespace swift::train
