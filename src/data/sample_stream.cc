#include "data/sample_stream.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/log.h"
#include "base/signals.h"
#include "data/dataset_spec.h"
#include "data/shuffle_buffer.h"

namespace swift::data {
using base::Error;
using base::ExitCode;
namespace {

// Text of the records in flight; one larger record may still pass.
constexpr size_t kBytesAhead = size_t{256} << 20;
// Rows in a row without a sample at the start, after which the data is taken to be unusable.
constexpr int64_t kBadStart = 100;

}  // namespace

SampleStream::SampleStream(StreamOptions options, const Encoder& encoder)
    : options_(std::move(options)), encoder_(encoder) {
  options_.workers = std::max(1U, options_.workers);
  options_.ahead = std::max<size_t>(1, options_.ahead);
  for (const std::string& spec : options_.datasets) dataset_files(parse_dataset_spec(spec).path);  // throws
  start(0, 0);
}

SampleStream::~SampleStream() {
  stop();
}

void SampleStream::seek(int64_t epoch, int64_t position) {
  stop();
  start(epoch, position);
}

void SampleStream::start(int64_t epoch, int64_t position) {
  stopping_ = false;
  failed_.reset();
  slots_.clear();
  untaken_ = bytes_ = 0;
  bad_ = too_long_ = given_ = 0;
  from_start_ = position == 0;
  threads_.emplace_back([this, epoch, position] { read(epoch, position); });
  for (unsigned i = 0; i < options_.workers; ++i) threads_.emplace_back([this] { work(); });
}

void SampleStream::stop() {
  {
    const std::lock_guard lock(guard_);
    stopping_ = true;
  }
  room_.notify_all();
  work_.notify_all();
  threads_.clear();  // joins
}

// The reading thread: epoch after epoch until it is stopped or a fault ends it.
void SampleStream::read(int64_t epoch, int64_t position) {
  auto slot = std::make_unique<Slot>();
  slot->done = slot->fatal = true;
  try {
    for (;; ++epoch, position = 0) read_epoch(epoch, position);
  } catch (const Stopped&) {
    return;
  } catch (const Error& error) {
    slot->error = error;
  } catch (const std::exception& error) {
    slot->error = Error(ExitCode::failure, error.what());
  }
  try {
    push(std::move(slot));
  } catch (const Stopped&) {
  }
}

void SampleStream::read_epoch(int64_t epoch, int64_t skip) {
  ShuffleBuffer<RawRecord> buffer(options_.shuffle ? options_.shuffle_buffer : 0, options_.seed,
                                  static_cast<uint64_t>(epoch));
  int64_t position = 0;
  const auto emit = [&](std::optional<RawRecord> raw) {
    if (!raw || position++ < skip) return;
    auto slot = std::make_unique<Slot>();
    slot->raw = std::move(*raw);
    slot->out.epoch = epoch;
    slot->out.position = position - 1;
    push(std::move(slot));
  };
  struct Enough {};
  for (const std::string& text : options_.datasets) {
    const DatasetSpec spec = parse_dataset_spec(text);
    uint32_t rows = 0;
    try {
      read_raw_records(spec.path, [&](RawRecord&& raw) {
        // While records are passed over, nothing has been trained that would be worth a checkpoint.
        if (position < skip) base::stop_if_asked("stopped while the data was read; nothing was saved");
        if (spec.rows && rows == *spec.rows) throw Enough{};
        ++rows;
        emit(buffer.push(std::move(raw)));
      });
    } catch (const Enough&) {
    }
    if (rows == 0)
      throw Error(ExitCode::data, "the dataset is empty", {spec.path}, "it needs at least one row");
  }
  while (auto raw = buffer.pop()) emit(std::move(raw));
  if (position < skip) {
    throw Error(ExitCode::data,
                "the checkpoint is at record " + std::to_string(skip) + " of an epoch, the dataset has " +
                    std::to_string(position) + " records",
                {}, "resume with the same dataset and arguments");
  }
  auto end = std::make_unique<Slot>();
  end->out = {epoch, position, {}, true};
  end->done = true;
  push(std::move(end));
}

void SampleStream::push(std::unique_ptr<Slot> slot) {
  const size_t bytes = slot->raw.text.size();
  {
    std::unique_lock lock(guard_);
    room_.wait(lock, [&] {
      return stopping_ || slots_.empty() || (slots_.size() < options_.ahead && bytes_ + bytes <= kBytesAhead);
    });
    if (stopping_) throw Stopped{};
    bytes_ += bytes;
    slots_.push_back(std::move(slot));
  }
  work_.notify_one();
  ready_.notify_one();
}

void SampleStream::work() {
  std::unique_lock lock(guard_);
  for (;;) {
    work_.wait(lock, [this] { return stopping_ || untaken_ < slots_.size(); });
    if (stopping_) return;
    Slot& slot = *slots_[untaken_++];
    if (slot.done) continue;
    lock.unlock();
    encode(slot);
    lock.lock();
    slot.done = true;
    ready_.notify_one();
  }
}

void SampleStream::encode(Slot& slot) const {
  try {
    slot.fatal = true;
    Record record = parse_record(slot.raw);
    slot.fatal = false;
    slot.out.samples = encoder_.encode_to_length(to_row(std::move(record), options_.schema));
    for (const Sample& sample : slot.out.samples)
      check_sample(sample, encoder_.tokenizer(), options_.inspect);
  } catch (const Error& error) {
    slot.error = error;
  } catch (const std::exception& error) {
    slot.fatal = true;
    slot.error = Error(ExitCode::failure, error.what(), slot.raw.where);
  }
}

StreamedRecord SampleStream::next() {
  if (failed_) throw *failed_;
  std::unique_ptr<Slot> slot;
  {
    std::unique_lock lock(guard_);
    ready_.wait(lock, [this] { return !slots_.empty() && slots_.front()->done; });
    slot = std::move(slots_.front());
    slots_.pop_front();
    if (untaken_ > 0) --untaken_;
    bytes_ -= slot->raw.text.size();
  }
  room_.notify_one();
  if (slot->error && (slot->fatal || options_.strict)) {
    failed_ = slot->error;
    throw *failed_;
  }
  if (slot->out.end_of_epoch) {
    end_epoch(slot->out);
  } else if (slot->error) {
    slot->out.samples.clear();
    drop(*slot);
  } else if (slot->out.samples.empty() && too_long_++ == 0 && slot->out.epoch == 0) {
    base::log::warn("the row is above max_length " + std::to_string(encoder_.options().max_length) +
                    " and is dropped, as others will be (truncation_strategy " +
                    encoder_.options().truncation_strategy + "): " + slot->raw.where.str());
  }
  given_ += static_cast<int64_t>(slot->out.samples.size());
  return std::move(slot->out);
}

void SampleStream::drop(const Slot& slot) {
  if (!first_bad_) {
    first_bad_ = slot.error;
    base::log::warn("dropped a row that cannot be used, as others will be: " + slot.error->where().str() +
                    ": " + slot.error->message() + "; --strict true makes them errors");
  }
  ++bad_;
  if (given_ == 0 && bad_ >= kBadStart && from_start_) throw *first_bad_;
}

void SampleStream::end_epoch(const StreamedRecord& end) {
  if (given_ == 0 && from_start_) {
    if (first_bad_) throw *first_bad_;
    throw Error(ExitCode::data,
                "every row is above max_length " + std::to_string(encoder_.options().max_length), {},
                "raise max_length, or set truncation_strategy to right, left or (pt) split");
  }
  if (bad_ + too_long_ > 0 && end.epoch == 0) {
    base::log::warn("of " + std::to_string(end.position) + " rows " + std::to_string(bad_) +
                    " could not be used and " + std::to_string(too_long_) + " were above max_length");
  }
  bad_ = too_long_ = given_ = 0;
  from_start_ = true;
}

}  // namespace swift::data
