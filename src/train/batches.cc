#include "train/batches.h"

#include "base/error.h"

namespace swift::train {
namespace {

std::vector<std::vector<uint32_t>> bins_of(std::span<const data::Sample> samples,
                                           const BatchSettings& settings) {
  if (!settings.packing) return {};
  return data::pack_best_fit(data::lengths_of(samples), settings.packing_length);
}

}  // namespace

BatchSettings batch_settings(const config::Task& task, int64_t max_positions) {
  BatchSettings settings;
  settings.batch_size = task.per_device_train_batch_size;
  settings.accumulation = task.gradient_accumulation_steps.value_or(1);
  settings.packing = task.packing;
  settings.packing_length = task.packing_length.value_or(task.max_length.value_or(max_positions));
  settings.group_by_length = task.group_by_length;
  settings.shuffle = task.dataset_shuffle;
  settings.seed = static_cast<uint64_t>(task.data_seed);
  return settings;
}

Batches::Batches(std::span<const data::Sample> samples, const BatchSettings& settings)
    : samples_(samples),
      settings_(settings),
      bins_(bins_of(samples, settings)),
      sampler_(settings.packing ? bins_.size() : samples.size(), settings.batch_size, settings.shuffle,
               settings.seed) {
  if (settings.group_by_length && !settings.packing)
    sampler_.group_by_length(data::lengths_of(samples), settings.batch_size * settings.accumulation);
}

void Batches::describe(base::Json& fingerprint) const {
  fingerprint["group_by_length"] = settings_.group_by_length;
}

data::Pack Batches::micro_batch(const std::vector<uint32_t>& items) const {
  if (!settings_.packing) return data::make_pack(samples_, items);
  std::vector<uint32_t> members;
  for (const uint32_t item : items) members.insert(members.end(), bins_[item].begin(), bins_[item].end());
  return data::make_pack(samples_, members);
}

StepBatch Batches::next() {
  StepBatch step;
  // A cursor at the end of an epoch means the next batch opens a new one.
  const bool at_end = sampler_.cursor().position >= sampler_.items();
  const int64_t epoch = sampler_.cursor().epoch + (at_end ? 1 : 0);
  for (int64_t i = 0; i < settings_.accumulation; ++i) {
    data::Pack pack = micro_batch(sampler_.next());
    step.tokens += static_cast<int64_t>(pack.input_ids.size());
    step.trained_tokens += pack.trained_tokens;
    step.micro_batches.push_back(std::move(pack));
    const data::Cursor now = sampler_.cursor();
    if (now.epoch != epoch || now.position >= sampler_.items()) break;
  }
  return step;
}

int64_t Batches::steps_per_epoch() const {
  return (sampler_.batches_per_epoch() + settings_.accumulation - 1) / settings_.accumulation;
}

double Batches::epochs_done() const {
  const data::Cursor now = sampler_.cursor();
  return static_cast<double>(now.epoch) +
         static_cast<double>(now.position) / static_cast<double>(sampler_.items());
}

}  // namespace swift::train
