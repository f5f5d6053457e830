#include "bench.h"

#include <algorithm>
#include <chrono>

#include "schedule.h"

namespace swift::gpu_bench {
namespace {

// Device time for one side of a case.
constexpr double kBudget = 0.25;

class Event {
 public:
  Event() { check(cudaEventCreate(&event_), "making an event"); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  ~Event() { cudaEventDestroy(event_); }
  void record() { check(cudaEventRecord(event_, nullptr), "recording an event"); }
  double since(const Event& start) {
    check(cudaEventSynchronize(event_), "waiting for the device");
    float milliseconds = 0;
    check(cudaEventElapsedTime(&milliseconds, start.event_, event_), "reading an event");
    return milliseconds * 1e-3;
  }

 private:
  cudaEvent_t event_ = nullptr;
};

int attribute(cudaDeviceAttr which) {
  int value = 0;
  check(cudaDeviceGetAttribute(&value, which, 0), "asking the device");
  return value;
}

}  // namespace

Bench::Bench(const Say& say)
    : say_(say),
      multiprocessors_(attribute(cudaDevAttrMultiProcessorCount)),
      cache_bytes_(static_cast<size_t>(attribute(cudaDevAttrL2CacheSize))) {
  flush_bytes_ = std::max<size_t>(3 * cache_bytes_, 64 << 20);
  flush_ = std::make_unique<Memory>(flush_bytes_);
  sink_ = std::make_unique<Memory>(sizeof(float));
  check(cudaMemset(flush_->data(), 0, flush_bytes_), "clearing");
}

int Bench::sets(double bytes) const {
  return sets_for(bytes, static_cast<double>(cache_bytes_));
}

// Reads, so that what it leaves in the cache need not be written back while a kernel is timed.
void Bench::cool_caches() {
  read_all(flush_->data(), flush_bytes_, static_cast<float*>(sink_->data()));
}

double Bench::sample(const Call& call, int sets, int first, int calls, double head_start) {
  Event start, stop;
  cool_caches();
  wait_on_device(head_start);
  start.record();
  for (int i = 0; i < calls; ++i) call((first + i) % sets);
  stop.record();
  const double seconds = stop.since(start);
  check(cudaGetLastError(), "running a kernel");
  return seconds;
}

double Bench::time(const Call& call, int sets) {
  constexpr int kWarm = 3;
  for (int i = 0; i < kWarm; ++i) call(i % sets);
  check(cudaDeviceSynchronize(), "running a kernel");
  const auto before = std::chrono::steady_clock::now();
  for (int i = 0; i < kWarm; ++i) call(i % sets);
  const std::chrono::duration<double> queued = std::chrono::steady_clock::now() - before;
  check(cudaDeviceSynchronize(), "running a kernel");
  const double host = std::min(queued.count() / kWarm, 2e-3);
  const double once = sample(call, sets, 0, 1, host * 2 + 20e-6);
  const int calls = calls_for(once);
  // The first call of a batch may take longer, and a call that waits for the host is not timed by its own.
  const double head_start = std::min(host * calls * 1.5 + 20e-6, 20e-3);
  const int samples = samples_for(once * calls, kBudget);
  std::vector<double> seconds;
  for (int i = 0; i < samples; ++i)
    seconds.push_back(sample(call, sets, i * calls, calls, head_start) / calls);
  return median(seconds);
}

void Bench::measure(const Case& c, int sets) {
  Row row = c.row;
  const auto attempt = [&](const char* whose, const auto& work) {
    try {
      work();
    } catch (const std::exception& error) {
      std::string reason = error.what();
      std::replace(reason.begin(), reason.end(), '\n', ' ');
      row.note += (row.note.empty() ? "" : "; ") + std::string(whose) + ": " + reason.substr(0, 200);
      cudaGetLastError();  // one that can be mended is forgotten
    }
  };
  attempt("kernel", [&] { row.seconds = time(c.ours, sets); });
  attempt("library", [&] {
    const Call theirs = c.theirs ? c.theirs(row) : Call();
    if (theirs) row.library_seconds = time(theirs, sets);
  });
  say_(to_json(row).dump());
  check(cudaDeviceSynchronize(), (row.kernel + " (" + row.what + ")").c_str());
}

}  // namespace swift::gpu_bench
