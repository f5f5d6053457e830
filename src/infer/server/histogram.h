// Counts of values by size, as Prometheus wants them.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swift::infer::server {

// "name_bucket{labels,le="0.1"} 3" lines, then _sum and _count. labels: `a="b"`, or empty. counts: (bounds +
// 1), each of its bucket alone.
std::string histogram_text(std::string_view name, std::string_view labels, std::span<const double> bounds,
                           std::span<const uint64_t> counts, double sum);

// Upper bounds in ascending order; a last one of infinity is added. observe() may be called from any thread.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);
  std::string text(std::string_view name, std::string_view labels) const;

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<uint64_t>[]> counts_;  // (bounds + 1), each of its bucket alone
  std::atomic<double> sum_ = 0;
};

}  // namespace swift::infer::server
