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
  const std::string comma = labels.empty() ? "" : ",";
  std::string out;
  uint64_t total = 0;
  for (size_t i = 0; i <= bounds_.size(); ++i) {
    total += counts_[i];
    const std::string bound = i < bounds_.size() ? base::shortest(bounds_[i]) : "+Inf";
    out += cat(name, "_bucket{", labels, comma, "le=\"", bound, "\"} ", total, "\n");
  }
  out += cat(name, "_sum{", labels, "} ", base::shortest(sum_), "\n");
  out += cat(name, "_count{", labels, "} ", total, "\n");
  return out;
}

}  // namespace swift::infer::server
