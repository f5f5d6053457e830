// Noise on embeddings (NEFTune, Jain et al. 2023, arXiv 2310.05914).
#pragma once
#include <vector>

#include "ops/torch.h"

namespace swift::ops {

// Uniform in +-alpha / sqrt(L d) with L the length of the sample that a token belongs to and d the width. h
// (tokens, hidden); positions (tokens) are 0 where a sample begins. A pure function of key and the element's
// index. Samples are packed, so L is their own length, where padding would make it that of the longest.
at::Tensor embedding_noise(const at::Tensor& h, const std::vector<int32_t>& positions, double alpha,
                           uint64_t key);

}  // namespace swift::ops
