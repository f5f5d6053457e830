// How a sequence's next token is drawn where the logits are. Terms and order are those of infer/sampler.h.
#pragma once
#include <cstdint>
#include <utility>
#include <vector>

namespace swift::ops {

struct DrawRule {
  float temperature = 0;  // 0: the most likely token
  float top_p = 1;
  float min_p = 0;
  int32_t top_k = 0;  // 0: all
  float repetition_penalty = 1;
  float presence_penalty = 0;
  float frequency_penalty = 0;
  std::vector<int32_t> seen;  // distinct tokens of prompt and answer, with a repetition penalty
  std::vector<std::pair<int32_t, int32_t>> counts;  // tokens of the answer and how often, with the others
  std::vector<std::pair<int32_t, float>> bias;      // an id occurs once
  std::vector<uint64_t> mask;                       // a bit for each token that may come; empty: all may
  uint64_t seed = 0, stream = 0;
  uint64_t index = 0;  // tokens drawn before
  // Whether the rule also holds for the tokens after the next one.
  bool lasts() const { return mask.empty(); }
};

// In place of a token.
constexpr int32_t kNotFinite = -1;    // the logits hold NaN or +infinity
constexpr int32_t kNothingLeft = -2;  // no token may come

}  // namespace swift::ops
