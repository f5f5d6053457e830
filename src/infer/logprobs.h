// Log-probabilities of the distribution as the model gave it, before penalty, temperature and filters.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/json.h"

namespace swift::infer {

struct TokenLogprob {
  int32_t token_id = 0;
  double logprob = 0;  // natural logarithm
};

// One generated token, with the most likely ones at its position, best first.
struct PositionLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;
};

// log(sum(exp(logits))), in double.
double log_sum_exp(std::span<const float> logits);

// logits (vocab); top_logprobs entries at most. Equal logits are ordered by token id.
PositionLogprobs position_logprobs(std::span<const float> logits, int32_t chosen, int64_t top_logprobs);

// [{token_id, logprob, top: [{token_id, logprob}…]}…]
base::Json to_json(std::span<const PositionLogprobs> positions);

}  // namespace swift::infer
