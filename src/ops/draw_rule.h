// How a sequence's next token is drawn where the logits are. Terms and order are those of infer/sampler.h.
#pragma once
#include <algorithm>
#include <cstdint>
#include <span>
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
  // What is told of the token beside it: nothing, or its log-probability under the unmodified logits and
  // those of so many of the most likely ones.
  int32_t log_probs = -1;
  bool sampled_log_prob = false;  // its log-probability under the logits over the temperature
  // Whether the rule also holds for the tokens after the next one.
  bool lasts() const { return mask.empty(); }
};

struct DrawnLogProbs {
  float chosen = 0;
  float sampled = 0;
  std::vector<std::pair<int32_t, float>> top;  // best first
};

// Tokens (passes, rules), and what was asked of them: all of one length, or without log_probs.
struct DrawnTokens {
  std::vector<int32_t> tokens;
  std::vector<DrawnLogProbs> log_probs;
};

// Of the most likely tokens, how many a device tells for each row of these rules: the most that one asks for;
// -1: nobody asks for any log-probability.
inline int32_t told_tokens(std::span<const DrawRule> rules) {
  int32_t most = -1;
  for (const DrawRule& rule : rules) most = std::max({most, rule.log_probs, rule.sampled_log_prob ? 0 : -1});
  return most;
}
// 32-bit words of a row: the token; then the two log-probabilities, ids and values of the most likely ones.
inline int64_t drawn_words(int32_t told) {
  return told < 0 ? 1 : 3 + 2 * int64_t{told};
}
// The token's words of all passes (passes, stride, drawn_words(told)) of the first `rows` rows.
DrawnTokens read_drawn(const int32_t* words, int64_t passes, int64_t stride, int64_t rows, int32_t told);

// In place of a token.
constexpr int32_t kNotFinite = -1;    // the logits hold NaN or +infinity
constexpr int32_t kNothingLeft = -2;  // no token may come

}  // namespace swift::ops
