// What the objectives over preference data share: rows of a micro-batch, metrics, evaluation, state.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "config/task.h"
#include "data/preferences.h"
#include "model/decoder.h"
#include "train/objective.h"
#include "train/preference/mean_metrics.h"

namespace swift::train::preference {

// A micro-batch: places in `rows`.
struct MicroBatch {
  const std::vector<data::Preference>& rows;
  std::span<const uint32_t> items;
  std::span<const uint32_t> step;  // all items of the step, of which `items` begin at `offset`
  size_t offset = 0;
  bool training = true;
};

class PreferenceObjective : public Objective {
 public:
  // data and decoder must outlive this.
  PreferenceObjective(const config::Task& task, const model::Decoder& decoder,
                      const data::PreferenceDataset& data);

  at::Tensor loss(const StepBatch& batch, size_t index, const model::Pass& pass) final;
  base::Json take_metrics() final;
  base::Json state() const final;
  void load_state(const base::Json& state) final;
  bool has_validation() const final { return !data_.validation.empty(); }
  base::Json evaluate() final;

 protected:
  // Mean loss of the rows, fp32 scalar; adds their metrics. Contexts that the backward pass reads are kept in
  // attention_.
  virtual at::Tensor mean_loss(const MicroBatch& batch, const model::Pass& pass, MeanMetrics& metrics) = 0;
  // Beside the metrics, what a checkpoint keeps.
  virtual base::Json own_state() const { return nullptr; }
  virtual void load_own_state(const base::Json& /*state*/) {}

  const model::Decoder& decoder() const { return decoder_; }
  std::optional<model::PackedContext> attention_;

 private:
  const model::Decoder& decoder_;
  const data::PreferenceDataset& data_;
  bool by_rows_;  // packing: a row counts the same in every micro-batch
  size_t eval_batch_;
  MeanMetrics metrics_;
};

}  // namespace swift::train::preference
