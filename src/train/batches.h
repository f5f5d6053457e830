// The optimizer steps of a run over samples in memory: which of them make up each micro-batch, in an order
// that a checkpoint can resume.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "config/task.h"
#include "train/step_source.h"

namespace swift::train {

struct BatchSettings {
  int64_t batch_size = 1;    // samples, or packed sequences, of a micro-batch
  int64_t accumulation = 1;  // micro-batches of an optimizer step
  bool packing = false;
  int64_t packing_length = 0;  // tokens of a packed sequence
  bool group_by_length = false;
  bool shuffle = true;
  uint64_t seed = 42;
};

// max_positions: the model's, where the task gives no length.
BatchSettings batch_settings(const config::Task& task, int64_t max_positions);

class Batches : public StepSource {
 public:
  // samples must outlive this. Throws base::Error(data) when there are none.
  Batches(std::span<const data::Sample> samples, const BatchSettings& settings);

  StepBatch next() override;
  int64_t steps_per_epoch() const override;
  data::Cursor cursor() const override { return sampler_.cursor(); }
  void seek(data::Cursor cursor) override { sampler_.seek(cursor); }
  int64_t items() const override { return sampler_.items(); }
  double epochs_done() const override;
  std::span<const data::Sample> samples() const override { return samples_; }
  void describe(base::Json& fingerprint) const override;

 private:
  data::Pack micro_batch(const std::vector<uint32_t>& items) const;
  std::span<const data::Sample> samples_;
  BatchSettings settings_;
  std::vector<std::vector<uint32_t>> bins_;  // samples of each packed sequence; empty without packing
  data::Sampler sampler_;
};

}  // namespace swift::train
