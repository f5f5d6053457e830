#include "train/stream_batches.h"

#include "base/error.h"

namespace swift::train {
namespace {

constexpr size_t kGroup = 128;  // samples that are packed together

}  // namespace

StreamBatches::StreamBatches(data::StreamOptions options, const data::Encoder& encoder,
                             const BatchSettings& settings, base::Json contents)
    : stream_(std::move(options), encoder), settings_(settings), contents_(std::move(contents)) {}

bool StreamBatches::fill() {
  while (pending_.empty()) {
    if (ended_) return false;
    data::StreamedRecord record = stream_.next();
    if (record.end_of_epoch) {
      ended_ = true;
      return false;
    }
    for (size_t i = static_cast<size_t>(skip_); i < record.samples.size(); ++i)
      pending_.push_back({std::move(record.samples[i]), record.position, static_cast<int64_t>(i)});
    skip_ = 0;
    if (!pending_.empty()) continue;
    position_ = record.position + 1;  // a record without samples is behind us
    part_ = 0;
  }
  return true;
}

// The item leaves pending_: the place behind it.
void StreamBatches::leave(const Item& item) {
  const bool more = !pending_.empty();  // of the same record
  position_ = more ? item.position : item.position + 1;
  part_ = more ? item.part + 1 : 0;
}

bool StreamBatches::fill_group() {
  if (taken_ < bins_.size()) return true;
  group_.clear();
  bins_.clear();
  taken_ = 0;
  group_position_ = position_;
  group_part_ = part_;
  while (group_.size() < kGroup && fill()) {
    Item item = std::move(pending_.front());
    pending_.pop_front();
    leave(item);
    group_.push_back(std::move(item.sample));
  }
  if (group_.empty()) return false;
  bins_ = data::pack_best_fit(data::lengths_of(group_), settings_.packing_length);
  return true;
}

data::Pack StreamBatches::micro_batch() {
  data::Pack pack;
  for (int64_t i = 0; i < settings_.batch_size; ++i) {
    if (settings_.packing) {
      if (!fill_group()) break;
      for (const uint32_t member : bins_[taken_]) data::append(pack, group_[member]);
      ++taken_;
    } else {
      if (!fill()) break;
      const Item item = std::move(pending_.front());
      pending_.pop_front();
      leave(item);
      data::append(pack, item.sample);
    }
  }
  return pack;
}

StepBatch StreamBatches::next() {
  StepBatch step;
  while (static_cast<int64_t>(step.micro_batches.size()) < settings_.accumulation) {
    data::Pack pack = micro_batch();
    if (pack.input_ids.empty()) {
      ++epoch_;
      position_ = part_ = group_position_ = group_part_ = 0;
      ended_ = false;
      if (!step.micro_batches.empty()) break;
      continue;
    }
    step.tokens += static_cast<int64_t>(pack.input_ids.size());
    step.trained_tokens += pack.trained_tokens;
    step.micro_batches.push_back(std::move(pack));
  }
  return step;
}

data::Cursor StreamBatches::cursor() const {
  if (taken_ < bins_.size()) return {epoch_, group_position_, group_part_, static_cast<int64_t>(taken_)};
  return {epoch_, position_, part_, 0};
}

void StreamBatches::seek(data::Cursor cursor) {
  if (cursor.epoch < 0 || cursor.position < 0 || cursor.part < 0 || cursor.taken < 0) {
    throw base::Error(base::ExitCode::data, "the checkpoint's place in the data is malformed");
  }
  stream_.seek(cursor.epoch, cursor.position);
  pending_.clear();
  bins_.clear();
  ended_ = false;
  epoch_ = cursor.epoch;
  position_ = cursor.position;
  part_ = skip_ = cursor.part;
  taken_ = 0;
  if (cursor.taken == 0) return;
  if (fill_group() && static_cast<size_t>(cursor.taken) < bins_.size()) {
    taken_ = static_cast<size_t>(cursor.taken);
    return;
  }
  throw base::Error(base::ExitCode::data, "the checkpoint's place is not in this dataset", {},
                    "resume with the same dataset and arguments");
}

double StreamBatches::epochs_done() const {
  return static_cast<double>(epoch_);
}

void StreamBatches::describe(base::Json& fingerprint) const {
  fingerprint.update(contents_);
  fingerprint["packing_length"] = settings_.packing ? settings_.packing_length : 0;
}

}  // namespace swift::train
