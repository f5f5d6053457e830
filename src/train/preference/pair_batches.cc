#include "train/preference/pair_batches.h"

#include <algorithm>

namespace swift::train::preference {
namespace {

std::vector<int64_t> lengths_of(const std::vector<data::Preference>& rows) {
  std::vector<int64_t> lengths;
  lengths.reserve(rows.size());
  for (const data::Preference& row : rows) lengths.push_back(packed_tokens(row));
  return lengths;
}

std::vector<std::vector<uint32_t>> bins_of(const std::vector<int64_t>& lengths,
                                           const BatchSettings& settings) {
  if (!settings.packing) return {};
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  return data::pack_best_fit(lengths, std::max(settings.packing_length, longest));
}

}  // namespace

int64_t packed_tokens(const data::Preference& row) {
  if (row.rejected.input_ids.empty()) return row.tokens();
  return row.tokens() - data::shared_tokens(row.chosen, row.rejected);
}

PairBatches::PairBatches(const std::vector<data::Preference>& rows, const BatchSettings& settings)
    : rows_(rows),
      settings_(settings),
      lengths_(lengths_of(rows)),
      bins_(bins_of(lengths_, settings)),
      sampler_(settings.packing ? bins_.size() : rows.size(), settings.batch_size, settings.shuffle,
               settings.seed) {
  if (settings.group_by_length && !settings.packing)
    sampler_.group_by_length(lengths_, settings.batch_size * settings.accumulation);
}

StepBatch PairBatches::next() {
  StepBatch step;
  // A cursor at the end of an epoch means the next batch opens a new one.
  const bool at_end = sampler_.cursor().position >= sampler_.items();
  const int64_t epoch = sampler_.cursor().epoch + (at_end ? 1 : 0);
  for (int64_t i = 0; i < settings_.accumulation; ++i) {
    std::vector<uint32_t> members = sampler_.next();
    if (settings_.packing) {
      std::vector<uint32_t> rows;
      for (const uint32_t bin : members) rows.insert(rows.end(), bins_[bin].begin(), bins_[bin].end());
      members = std::move(rows);
    }
    for (const uint32_t row : members) step.tokens += lengths_[row];
    step.items.push_back(std::move(members));
    const data::Cursor now = sampler_.cursor();
    if (now.epoch != epoch || now.position >= sampler_.items()) break;
  }
  return step;
}

int64_t PairBatches::steps_per_epoch() const {
  return (sampler_.batches_per_epoch() + settings_.accumulation - 1) / settings_.accumulation;
}

double PairBatches::epochs_done() const {
  const data::Cursor now = sampler_.cursor();
  return static_cast<double>(now.epoch) +
         static_cast<double>(now.position) / static_cast<double>(sampler_.items());
}

void PairBatches::describe(base::Json& fingerprint) const {
  fingerprint["group_by_length"] = settings_.group_by_length;
  fingerprint["preference contents"] = data::contents_hash(rows_);
}

}  // namespace swift::train::preference
