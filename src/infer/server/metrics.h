// Figures of a server for Prometheus, under the names swift_… and, for existing dashboards, vllm:….
#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "infer/server/histogram.h"
#include "infer/service.h"

namespace swift::infer::server {

// Times of one request, in seconds since it arrived; negative: never.
struct RequestTimes {
  double first_pass = -1;  // the engine began to compute its prompt
  double first_token = -1;
  double end = 0;
};

class Metrics {
 public:
  explicit Metrics(std::string model_name);

  void admission_rejected(const std::string& reason);
  void first_token(double seconds) { time_to_first_token_.observe(seconds); }
  void next_token(double seconds) { inter_token_latency_.observe(seconds); }
  // A request whose answer has ended; `finished_reason` is stop, length, abort or error.
  void finished(const std::string& finished_reason, const Usage& usage, const RequestTimes& times);
  void asked(int64_t n, int64_t max_tokens);
  // Text exposition format 0.0.4.
  std::string text(const EngineStats& stats, const std::vector<Adapter>& adapters) const;
  uint64_t finished_requests() const { return finished_; }

 private:
  std::string labels_;
  mutable std::mutex mutex_;  // of the maps
  std::map<std::string, uint64_t> rejected_, succeeded_;
  std::atomic<uint64_t> finished_ = 0;
  Histogram time_to_first_token_, inter_token_latency_, time_per_output_token_, e2e_latency_, queue_time_,
      inference_time_, prefill_time_, decode_time_, prompt_tokens_, generation_tokens_, params_n_,
      params_max_tokens_;
};

}  // namespace swift::infer::server
