// Cosines and sines of the rotary embedding for given positions (transformers' modeling_rope_utils, 5.19).
#pragma once
#include <vector>

#include "model/spec.h"
#include "ops/torch.h"

namespace swift::model {

struct RopeTable {
  at::Tensor cos;  // (tokens, head_dim / 2) fp32
  at::Tensor sin;
};

// theta^(-2i / head_dim), scaled as the rope type asks. (head_dim / 2)
std::vector<float> inverse_frequencies(const RopeSpec& rope, int64_t head_dim);

RopeTable rope_table(const std::vector<float>& inverse_frequencies, const std::vector<int32_t>& positions);

}  // namespace swift::model
