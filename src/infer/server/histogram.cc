#include "infer/server/histogram.h"

#include <algorithm>

#include "base/format.h"

namespace swift::infer::server {

using base::cat;

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)), counts_(new std::atomic<uint64_t>[bounds_.size() + 1] {}) {}

void Histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  ++counts_[static_cast<size_t>(bucket)];
  sum_ += value;
}

std::string Histogram::text(std::string_view name, std::string_view labels) const {
  const std::vector<uint64_t> counts(counts_.get(), counts_.get() + bounds_.size() + 1);
  return histogram_text(name, labels, bounds_, counts, sum_);
}

std::string histogram_text(std::string_view name, std::string_view labels, std::span<const double> bounds,
                           std::span<const uint64_t> counts, double sum) {
  const std::string comma = labels.empty() ? "" : ",";
  std::string out;
  uint64_t total = 0;
  for (size_t i = 0; i <= bounds.size(); ++i) {
    total += counts[i];
    const std::string bound = i < bounds.size() ? base::shortest(bounds[i]) : "+Inf";
    out += cat(name, "_bucket{", labels, comma, "le=\"", bound, "\"} ", total, "\n");
  }
  out += cat(name, "_sum{", labels, "} ", base::shortest(sum), "\n");
  out += cat(name, "_count{", labels, "} ", total, "\n");
  return out;
}

}  // namespace swift::infer::server
