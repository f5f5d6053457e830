#include "ops/draw_rule.h"

#include <bit>

namespace swift::ops {

DrawnTokens read_drawn(const int32_t* words, int64_t passes, int64_t stride, int64_t rows, int32_t told) {
  DrawnTokens drawn;
  const int64_t width = drawn_words(told);
  const auto number = [](int32_t word) { return std::bit_cast<float>(word); };
  for (int64_t pass = 0; pass < passes; ++pass) {
    for (int64_t row = 0; row < rows; ++row) {
      const int32_t* own = words + (pass * stride + row) * width;
      drawn.tokens.push_back(own[0]);
      if (told < 0) continue;
      DrawnLogProbs& found = drawn.log_probs.emplace_back(number(own[1]), number(own[2]));
      for (int32_t i = 0; i < told && own[3 + i] >= 0; ++i)
        found.top.emplace_back(own[3 + i], number(own[3 + told + i]));
    }
  }
  return drawn;
}

}  // namespace swift::ops
