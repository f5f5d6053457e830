#include "ops/label_log_prob.h"

#include <cmath>
#include <vector>

#include "ops/lanes.h"
#include "ops/vocab_rows.h"

namespace swift::ops {

float label_log_prob(const float* z, int64_t vocab, int64_t label, double temperature) {
  std::vector<float> soft(z, z + vocab);
  const auto divisor = static_cast<float>(temperature);
  if (divisor != 1)
    for_lanes(0, vocab, [&](int64_t i, int64_t n) {
      store(&soft[static_cast<size_t>(i)], load(z + i, n) / divisor, n);
    });
  const float top = top_and_sum(soft.data(), vocab).first;
  const float target = soft[static_cast<size_t>(label)];
  const double total = exponentials(soft.data(), vocab, top);
  const double lse = std::log(total) + top;
  return static_cast<float>(target - lse);
}

}  // namespace swift::ops
