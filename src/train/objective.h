// What a method other than pt and sft minimises: the loss of a micro-batch, its metrics and its evaluation.
// The trainer owns one and leaves everything else of a step to itself.
#pragma once
#include <cstdint>

#include "base/json.h"
#include "model/decoder.h"
#include "train/step_source.h"

namespace swift::train {

class Objective {
 public:
  virtual ~Objective() = default;

  // Micro-batch `index` of a step: its share of the step's loss, fp32 scalar with its graph; the shares add
  // up to the loss. What the graph reads stays until the next call.
  virtual at::Tensor loss(const StepBatch& batch, size_t index, const model::Pass& pass) = 0;

  // Means of the metrics since the last call.
  virtual base::Json take_metrics() = 0;

  // What a checkpoint keeps: metrics not yet logged, running means.
  virtual base::Json state() const = 0;
  // Throws base::Json::exception when it is malformed.
  virtual void load_state(const base::Json& state) = 0;

  virtual bool has_validation() const = 0;
  // Loss and metrics over the validation data, named "eval_loss", "eval_…"; null when a signal cut it off.
  virtual base::Json evaluate() = 0;
};

}  // namespace swift::train
