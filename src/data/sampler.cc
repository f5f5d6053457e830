#include "data/sampler.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "base/error.h"
#include "base/rng.h"

namespace swift::data {
using base::Error;
using base::ExitCode;

Sampler::Sampler(size_t items, int64_t batch, bool shuffle, uint64_t seed)
    : items_(items), batch_(batch), shuffle_(shuffle), seed_(seed) {
  if (items == 0 || items > std::numeric_limits<uint32_t>::max()) {
    throw Error(ExitCode::data, "a dataset of " + std::to_string(items) + " samples cannot be trained on");
  }
  if (batch <= 0) throw Error(ExitCode::usage, "the batch size must be at least 1");
}

void Sampler::order_epoch(int64_t epoch) {
  if (ordered_epoch_ == epoch) return;
  if (shuffle_) {
    const base::Stream stream(seed_, base::Purpose::shuffle, static_cast<uint64_t>(epoch));
    order_ = base::permutation(static_cast<uint32_t>(items_), stream);
  } else if (order_.empty()) {
    order_.resize(items_);
    std::iota(order_.begin(), order_.end(), 0U);
  }
  if (!lengths_.empty() && (shuffle_ || ordered_epoch_ < 0)) group();
  ordered_epoch_ = epoch;
}

void Sampler::group_by_length(std::vector<int64_t> lengths, int64_t batch) {
  lengths_ = std::move(lengths);
  group_batch_ = std::max<int64_t>(1, batch);
  order_.clear();
  ordered_epoch_ = -1;
}

void Sampler::group() {
  const int64_t batches = std::clamp<int64_t>(items() / (group_batch_ * 4), 1, 50);
  const auto stretch = static_cast<size_t>(batches * group_batch_);
  size_t longest = 0;  // place of the longest item, the first of equal ones
  for (size_t begin = 0; begin < order_.size(); begin += stretch) {
    const auto first = order_.begin() + static_cast<std::ptrdiff_t>(begin);
    const auto last = order_.begin() + static_cast<std::ptrdiff_t>(std::min(begin + stretch, order_.size()));
    std::stable_sort(first, last, [&](uint32_t a, uint32_t b) { return lengths_[a] > lengths_[b]; });
    if (lengths_[*first] > lengths_[order_[longest]]) longest = begin;
  }
  std::swap(order_[0], order_[longest]);
}

std::vector<uint32_t> Sampler::next() {
  order_epoch(cursor_.epoch);
  const auto begin = order_.begin() + static_cast<std::ptrdiff_t>(cursor_.position);
  const int64_t count = std::min(batch_, items() - cursor_.position);
  std::vector<uint32_t> batch(begin, begin + static_cast<std::ptrdiff_t>(count));
  cursor_.position += count;
  if (cursor_.position == items()) cursor_ = {cursor_.epoch + 1, 0};
  return batch;
}

void Sampler::seek(Cursor cursor) {
  if (cursor.epoch < 0 || cursor.position < 0 || cursor.position >= items()) {
    throw Error(ExitCode::data,
                "the checkpoint is at sample " + std::to_string(cursor.position) +
                    " of an epoch, the dataset has " + std::to_string(items_) + " samples",
                {}, "resume with the same dataset and arguments");
  }
  cursor_ = cursor;
}

int64_t Sampler::batches_per_epoch() const {
  return (items() + batch_ - 1) / batch_;
}

}  // namespace swift::data
