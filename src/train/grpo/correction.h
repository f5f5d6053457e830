// Importance weights for completions whose sampler computes otherwise than the trainer: other kernels, or
// weights that are some updates old.
#pragma once
#include <string_view>

#include "train/grpo/token_batch.h"

namespace swift::train::grpo {

bool is_correction_mode(std::string_view name);

// (tokens) of pi_old / pi_sampler, by token or as the product over the sequence. truncate: at most
// `threshold`. mask: 0 above it. batch.sampler_logps must be defined.
at::Tensor sampler_correction(const TokenBatch& batch, std::string_view mode, double threshold);

}  // namespace swift::train::grpo
