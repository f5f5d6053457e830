// The optimizer steps of a run over preference data: which rows make up each micro-batch, packed or not.
#pragma once
#include <vector>

#include "data/preferences.h"
#include "train/batches.h"

namespace swift::train::preference {

// Tokens of a row in a pack: what its answers share counts once.
int64_t packed_tokens(const data::Preference& row);

class PairBatches : public StepSource {
 public:
  // rows must outlive this. packing: rows are put together up to packing_length tokens, or the longest row's.
  PairBatches(const std::vector<data::Preference>& rows, const BatchSettings& settings);

  StepBatch next() override;
  int64_t steps_per_epoch() const override;
  data::Cursor cursor() const override { return sampler_.cursor(); }
  void seek(data::Cursor cursor) override { sampler_.seek(cursor); }
  int64_t items() const override { return sampler_.items(); }
  double epochs_done() const override;
  void describe(base::Json& fingerprint) const override;

 private:
  const std::vector<data::Preference>& rows_;
  BatchSettings settings_;
  std::vector<int64_t> lengths_;             // tokens of each row
  std::vector<std::vector<uint32_t>> bins_;  // rows of each pack; empty without packing
  data::Sampler sampler_;
};

}  // namespace swift::train::preference
