#include "train/preference/preference_objective.h"

#include <algorithm>
#include <numeric>

#include "base/signals.h"

namespace swift::train::preference {

using at::Tensor;
using base::Json;

PreferenceObjective::PreferenceObjective(const config::Task& task, const model::Decoder& decoder,
                                         const data::PreferenceDataset& data)
    : decoder_(decoder),
      data_(data),
      by_rows_(task.packing),
      eval_batch_(static_cast<size_t>(task.per_device_eval_batch_size)) {}

Tensor PreferenceObjective::loss(const StepBatch& batch, size_t index, const model::Pass& pass) {
  std::vector<uint32_t> step;
  size_t offset = 0;
  for (size_t i = 0; i < batch.items.size(); ++i) {
    if (i == index) offset = step.size();
    step.insert(step.end(), batch.items[i].begin(), batch.items[i].end());
  }
  const auto rows = static_cast<double>(batch.items[index].size());
  // As transformers' Trainer: a mean of the micro-batches' means. Packs hold different numbers of rows.
  const double alike = batch.shares.empty() ? 1.0 / static_cast<double>(batch.size()) : batch.shares[index];
  const double share = by_rows_ ? rows / static_cast<double>(step.size()) : alike;
  return mean_loss({data_.train, batch.items[index], step, offset, true}, pass, metrics_) * share;
}

Json PreferenceObjective::take_metrics() {
  Json means = metrics_.means();
  metrics_.clear();
  return means;
}

Json PreferenceObjective::state() const {
  return {{"metrics", metrics_.to_json()}, {"own", own_state()}};
}

void PreferenceObjective::load_state(const Json& state) {
  metrics_ = MeanMetrics::from_json(state.at("metrics"));
  if (!state.at("own").is_null()) load_own_state(state.at("own"));
}

Json PreferenceObjective::evaluate() {
  const at::NoGradGuard no_grad;
  std::vector<uint32_t> all(data_.validation.size());
  std::iota(all.begin(), all.end(), 0U);
  MeanMetrics metrics;
  for (size_t first = 0; first < all.size(); first += eval_batch_) {
    if (base::stop_signal() != 0) return nullptr;
    const std::span<const uint32_t> items =
        std::span(all).subspan(first, std::min(eval_batch_, all.size() - first));
    const auto count = static_cast<double>(items.size());
    const Tensor loss = mean_loss({data_.validation, items, all, first, false}, {}, metrics);
    metrics.add("loss", loss.item<double>() * count, count);
  }
  return metrics.means("eval_");
}

}  // namespace swift::train::preference
