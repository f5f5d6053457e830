// What a family of kernels is measured with.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "array.h"
#include "report.h"
#include "worker.h"

namespace swift::gpu_bench {

// One call on copy `set` of its data; it queues work on the default stream and does not wait.
using Call = std::function<void(int set)>;

struct Case {
  Row row;  // without its times
  Call ours;
  // Makes the library's call, and may add to the row; none, or no call: there is no such call, or no library.
  std::function<Call(Row& row)> theirs;
};

class Bench {
 public:
  // Rows go to `say` as they are measured.
  explicit Bench(const Say& say);

  // Copies of data that one call of `bytes` needs.
  int sets(double bytes) const;
  int multiprocessors() const { return multiprocessors_; }

  // Measures both sides over `sets` copies and reports the row. A side that throws leaves its time blank,
  // with the reason in the note; an error that spoils the device is thrown on.
  void measure(const Case& c, int sets);

  // A row that was measured elsewhere.
  void report(const Row& row) const { say_(to_json(row).dump()); }

  // Median seconds of a call.
  double time(const Call& call, int sets);

 private:
  void cool_caches();
  // Seconds of `calls` calls from copy `first` on, by the device's clock.
  double sample(const Call& call, int sets, int first, int calls, double head_start);

  const Say& say_;
  int multiprocessors_ = 0;
  size_t cache_bytes_ = 0;
  std::unique_ptr<Memory> flush_, sink_;
  size_t flush_bytes_ = 0;
};

}  // namespace swift::gpu_bench
