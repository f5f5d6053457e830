#include "ops/vocab_rows.h"

#include <algorithm>
#include <cmath>

#include "ops/lanes.h"

namespace swift::ops {

namespace {
constexpr int64_t kBlock = 1024;  // fp32 partial sums short enough to stay exact to 1e-7
}

std::pair<float, double> top_and_sum(const float* z, int64_t vocab) {
  Floats most = splat(-INFINITY);
  double all = 0;
  for (int64_t start = 0; start < vocab; start += kBlock) {
    Floats part = {};
    for_lanes(start, std::min(vocab, start + kBlock), [&](int64_t i, int64_t n) {
      const Floats value = load(z + i, n);
      part += value;
      most = largest(n == kLanes ? value : splat(*std::max_element(z + i, z + i + n)), most);
    });
    all += sum(part);
  }
  float top = most[0];
  for (int64_t lane = 1; lane < kLanes; ++lane) top = std::max(top, most[lane]);
  return {top, all};
}

double exponentials(float* z, int64_t vocab, float top) {
  double total = 0;
  for (int64_t start = 0; start < vocab; start += kBlock) {
    Floats part = {};
    float rest = 0;
    for_lanes(start, std::min(vocab, start + kBlock), [&](int64_t i, int64_t n) {
      const Floats e = exp_lanes(load(z + i, n) - top);
      store(z + i, e, n);
      if (n == kLanes) {
        part += e;
      } else {
        for (int64_t lane = 0; lane < n; ++lane) rest += e[lane];
      }
    });
    total += static_cast<double>(sum(part)) + rest;
  }
  return total;
}

at::Tensor seen_as(const at::Tensor& z, at::ScalarType type) {
  const auto ratio = static_cast<int64_t>(sizeof(float) / c10::elementSize(type));
  return z.view(type).view({z.size(0), z.size(1) * ratio}).narrow(1, 0, z.size(1));
}

}  // namespace swift::ops
