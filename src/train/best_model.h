// Which evaluation is the best, and bringing back the weights of its checkpoint.
#pragma once
#include <filesystem>
#include <optional>

#include "base/json.h"
#include "config/task.h"
#include "model/adapter.h"

namespace swift::train {

// Whether `metric` beats `best`, in the direction of greater_is_better; everything beats nothing.
bool is_better(const config::Task& task, double metric, const std::optional<double>& best);

// The value of metric_for_best_model among {"eval_…": value}. Throws base::Error(usage) when it is not there.
double best_metric_of(const config::Task& task, const base::Json& measured);

// Copies the weights of a checkpoint of this run over those of the model: the adapter's tensors where
// `adapter` is given, else every weight. Throws base::Error(model) when one is missing or has another shape.
void restore_weights(model::Decoder& decoder, const model::LoraSettings* adapter,
                     const std::filesystem::path& checkpoint);

}  // namespace swift::train
