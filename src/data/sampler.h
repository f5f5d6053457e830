// The order in which samples (or packs) are seen, with a cursor that a checkpoint stores.
#pragma once
#include <cstddef>
#include <cstdint>
#include <vector>

namespace swift::data {

// Where in the stream of items the next batch begins.
struct Cursor {
  int64_t epoch = 0;
  int64_t position = 0;  // items of this epoch already taken; in a stream, records
  // A stream only: samples already taken of the record at `position`, and packed sequences already taken of
  // the group that begins there.
  int64_t part = 0;
  int64_t taken = 0;
  bool operator==(const Cursor&) const = default;
};

// Batches of item indices. The order of an epoch depends on (seed, epoch) alone, so seek(cursor()) in a new
// process continues exactly. The last batch of an epoch may be short.
class Sampler {
 public:
  // items > 0, batch > 0; shuffle false keeps the order of the items.
  Sampler(size_t items, int64_t batch, bool shuffle, uint64_t seed);

  // Orders each epoch by length inside of stretches of up to 50 batches, longest first, the longest item of
  // all in front, so that a lack of memory shows in the first step: transformers' get_length_grouped_indices.
  // lengths: one an item; batch: the items of a step.
  void group_by_length(std::vector<int64_t> lengths, int64_t batch);

  // The next batch; after the last of an epoch the next epoch begins.
  std::vector<uint32_t> next();
  Cursor cursor() const { return cursor_; }
  // Throws Error(data) when the cursor lies outside of an epoch: the dataset is not the one it was made with.
  void seek(Cursor cursor);
  int64_t batches_per_epoch() const;
  int64_t items() const { return static_cast<int64_t>(items_); }

 private:
  void order_epoch(int64_t epoch);
  void group();

  size_t items_;
  int64_t batch_;
  bool shuffle_;
  uint64_t seed_;
  Cursor cursor_;
  int64_t ordered_epoch_ = -1;
  std::vector<uint32_t> order_;
  std::vector<int64_t> lengths_;  // empty: not grouped
  int64_t group_batch_ = 1;
};

}  // namespace swift::data
