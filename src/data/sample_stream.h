// Samples of files larger than memory: one thread reads and shuffles records, others encode them ahead of
// their use, and what comes out is in the same order whatever their number.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "data/encode.h"
#include "data/inspect.h"
#include "data/readers.h"
#include "data/schema.h"

namespace swift::data {

struct StreamOptions {
  std::vector<std::string> datasets;  // path, or path#rows: the first rows
  SchemaOptions schema;
  bool strict = false;  // a row that cannot be used is an error; false: it is dropped with a warning
  bool shuffle = true;
  size_t shuffle_buffer = 1000;  // records, held as text
  uint64_t seed = 42;
  unsigned workers = 1;  // threads that encode
  size_t ahead = 64;     // records that are encoded or being encoded, at most
  InspectOptions inspect;
};

// The samples of one record, none when it was dropped; or the end of an epoch.
struct StreamedRecord {
  int64_t epoch = 0;
  int64_t position = 0;  // records of this epoch before it, in the shuffled order
  std::vector<Sample> samples;
  bool end_of_epoch = false;
};

class SampleStream {
 public:
  // Starts at the first record. The encoder must outlive this. Throws base::Error(data) for a dataset that is
  // missing or cannot be streamed.
  SampleStream(StreamOptions options, const Encoder& encoder);
  SampleStream(const SampleStream&) = delete;
  SampleStream& operator=(const SampleStream&) = delete;
  ~SampleStream();

  // Starts again at a record of an epoch. The records before it are read, to fill the shuffle buffer, but not
  // parsed.
  void seek(int64_t epoch, int64_t position);

  // The next record, or the end of an epoch, behind which the next one begins. Throws base::Error(data):
  // malformed files, with strict a row that cannot be used, an epoch without a sample, and a seek() beyond an
  // epoch's end.
  StreamedRecord next();

 private:
  struct Slot {
    RawRecord raw;
    StreamedRecord out;
    bool fatal = false;                // of `error`: not to be dropped
    std::optional<base::Error> error;  // instead of samples
    bool done = false;
  };
  struct Stopped {};  // thrown in the reading thread to leave the file

  void start(int64_t epoch, int64_t position);
  void stop();
  void read(int64_t epoch, int64_t position);
  void read_epoch(int64_t epoch, int64_t skip);
  void push(std::unique_ptr<Slot> slot);
  void work();
  void encode(Slot& slot) const;
  void drop(const Slot& slot);
  void end_epoch(const StreamedRecord& end);

  StreamOptions options_;
  const Encoder& encoder_;

  std::mutex guard_;
  std::condition_variable room_, work_, ready_;
  std::deque<std::unique_ptr<Slot>> slots_;  // in order: what next() gives first is in front
  size_t untaken_ = 0;                       // index of the first slot that no thread has taken
  size_t bytes_ = 0;                         // text of the records in slots_
  bool stopping_ = false;
  std::vector<std::jthread> threads_;

  // Of the consumer.
  std::optional<base::Error> failed_;  // the reading thread has ended with it
  std::optional<base::Error> first_bad_;
  int64_t bad_ = 0, too_long_ = 0, given_ = 0;  // of this epoch: records dropped, and samples given
  bool from_start_ = true;                      // of the epoch
};

}  // namespace swift::data
