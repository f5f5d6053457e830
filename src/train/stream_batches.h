// The optimizer steps of a run over a stream: bounded memory, an order that no number of threads changes, and
// a cursor from which a checkpoint continues exactly.
#pragma once
#include <deque>

#include "data/sample_stream.h"
#include "train/batches.h"

namespace swift::train {

// With packing, each group of 128 samples is packed for itself (ms-swift's streaming interval). Groups,
// micro-batches and steps end where an epoch ends.
class StreamBatches : public StepSource {
 public:
  // contents: names the files and the way they are encoded, for the fingerprint. The encoder must outlive
  // this. Throws base::Error(data).
  StreamBatches(data::StreamOptions options, const data::Encoder& encoder, const BatchSettings& settings,
                base::Json contents);

  StepBatch next() override;
  data::Cursor cursor() const override;
  void seek(data::Cursor cursor) override;
  int64_t steps_per_epoch() const override { return 0; }
  int64_t items() const override { return 0; }
  double epochs_done() const override;  // whole ones: how long an epoch is, is not known
  void describe(base::Json& fingerprint) const override;

 private:
  // A sample and where it comes from.
  struct Item {
    data::Sample sample;
    int64_t position = 0;
    int64_t part = 0;
  };
  bool fill();        // at least one item in pending_; false at the end of the epoch
  bool fill_group();  // a packed sequence left in bins_; false at the end of the epoch
  data::Pack micro_batch();
  void leave(const Item& item);

  data::SampleStream stream_;
  BatchSettings settings_;
  base::Json contents_;
  std::deque<Item> pending_;  // rest of a record
  int64_t epoch_ = 0;
  int64_t position_ = 0, part_ = 0;  // behind the last sample taken from pending_
  int64_t skip_ = 0;                 // samples of the next record that were taken before
  bool ended_ = false;               // the end of the epoch was read
  std::vector<data::Sample> group_;
  std::vector<std::vector<uint32_t>> bins_;
  size_t taken_ = 0;                             // of bins_
  int64_t group_position_ = 0, group_part_ = 0;  // where the group begins
};

}  // namespace swift::train
