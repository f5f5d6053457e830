// Importance ratios of the policy to the one that sampled.
#pragma once
#include <string_view>

#include "train/grpo/token_batch.h"

namespace swift::train::grpo {

bool is_importance_level(std::string_view name);

// (tokens). token: pi / pi_old. sequence: exp of the mean log ratio over the sequence (GSPO, arXiv
// 2507.18071). sequence_token: the same value with the gradient of the token's own probability (GSPO-token).
at::Tensor importance_ratio(const TokenBatch& batch, std::string_view level);

}  // namespace swift::train::grpo
