// Where the batches of optimizer steps come from: samples in memory (batches.h) or a stream
// (stream_batches.h).
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/json.h"
#include "data/packing.h"
#include "data/sample.h"
#include "data/sampler.h"

namespace swift::train {

// One optimizer step. Steps do not cross epochs, so the last of an epoch may be short (as in transformers'
// Trainer).
struct StepBatch {
  std::vector<data::Pack> micro_batches;     // of the loss of tokens
  std::vector<std::vector<uint32_t>> items;  // of other objectives (objective.h): what each micro-batch holds
  std::vector<double> shares;                // of each in the mean over the items' means; empty: all the same
  int64_t tokens = 0;                        // input tokens, none of them padding
  int64_t trained_tokens = 0;                // the divisor of the loss of tokens
  size_t size() const { return items.empty() ? micro_batches.size() : items.size(); }
};

class StepSource {
 public:
  virtual ~StepSource() = default;
  // After the last step of an epoch the next epoch begins.
  virtual StepBatch next() = 0;
  // Behind the last step that next() gave; seek() continues there exactly.
  virtual data::Cursor cursor() const = 0;
  // Throws base::Error(data) when the data has no such place.
  virtual void seek(data::Cursor cursor) = 0;
  virtual int64_t steps_per_epoch() const = 0;  // 0: not known
  virtual int64_t items() const = 0;            // samples, or packed sequences, of an epoch; 0: not known
  // Whole epochs behind the cursor, and the share of the one it is in.
  virtual double epochs_done() const = 0;
  // All samples, where they are in memory.
  virtual std::span<const data::Sample> samples() const { return {}; }
  // Adds what must be the same for a resumed run, beside the samples.
  virtual void describe(base::Json& fingerprint) const = 0;
};

}  // namespace swift::train
