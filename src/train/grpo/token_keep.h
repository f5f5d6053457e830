// Which tokens and sequences a loss counts.
#pragma once
#include "train/grpo/token_batch.h"

namespace swift::train::grpo {

// (tokens) of 0 and 1: trained tokens whose entropy is among the highest `share` of the batch (arXiv
// 2506.01939); equal to the threshold counts.
at::Tensor top_entropy_mask(const TokenBatch& batch, double share);

// (tokens) of 0 and 1: 0 for sequences with a negative advantage that have moved away from the sampler by
// more than `delta` a token (DeepSeek-V3.2).
at::Tensor on_policy_mask(const TokenBatch& batch, double delta);

}  // namespace swift::train::grpo
