// Tokens to their experts and the rows by expert, over cuda/routing.h.
#pragma once
#include "ops/device_experts.h"

namespace swift::cuda {

// scores (tokens, experts) in tiles of up to tile_rows rows. with_probabilities: else they stay undefined.
ops::RoutedTokens routed(const at::Tensor& scores, int64_t per_token, bool normalize, int tile_rows,
                         bool with_probabilities);

}  // namespace swift::cuda
