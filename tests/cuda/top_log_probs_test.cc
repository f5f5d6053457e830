#include "cuda/top_log_probs.h"

#include <algorithm>
#include <numeric>

#include "cuda/compare.h"

using namespace swift::cuda;
using namespace swift::cuda_test;

TEST_CASE("the most likely tokens come best first, equal ones by id") {
  for (const Type type : kTypes) {
    for (const size_t vocab : {3U, 40U, 5000U}) {
      constexpr size_t kRows = 3, kCount = 20;
      CAPTURE(vocab, static_cast<int>(type));
      auto logits = normal(type, kRows * vocab, 1, 2.0F);
      for (size_t i = 0; i < logits.size(); i += 3) logits[i] = std::round(logits[i]);
      if (vocab == 40) logits[vocab + 7] = -INFINITY;
      const std::vector<int32_t> wanted_rows = {2, 1};
      in_every_order([&] {
        const Values in("logits", type, logits);
        const Buffer<int32_t> rows("rows", wanted_rows), ids("ids", 2 * kCount);
        const Buffer<float> values("values", 2 * kCount);
        top_log_probs({type, in.data(), static_cast<int64_t>(vocab), rows.data(), ids.data(), values.data(),
                       2, static_cast<int>(vocab), kCount},
                      nullptr);
        const auto got = ids.read();
        const auto probs = values.read();
        for (size_t r = 0; r < 2; ++r) {
          const float* row = &logits[static_cast<size_t>(wanted_rows[r]) * vocab];
          std::vector<int32_t> order(vocab);
          std::iota(order.begin(), order.end(), 0);
          std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return row[a] > row[b]; });
          double sum = 0;
          for (size_t i = 0; i < vocab; ++i) sum += std::exp(double{row[i]});
          for (size_t i = 0; i < kCount; ++i) {
            const int32_t id = i < vocab ? order[i] : -1;
            CHECK(got[r * kCount + i] == id);
            if (id >= 0) CHECK(std::abs(probs[r * kCount + i] - (row[id] - std::log(sum))) < 1e-4);
          }
        }
      });
    }
  }
}
