// What enters attention as the projections leave it.
#pragma once
#include <utility>

#include "ops/torch.h"

namespace swift::ops {

struct HeadInputs {
  at::Tensor q, k, v;         // (tokens, heads | kv_heads, head_dim); tokens may lie apart
  at::Tensor q_norm, k_norm;  // (head_dim) of the RMSNorm of each head, or undefined
  double eps;                 // of the norms
  at::Tensor cos, sin;        // (tokens, head_dim / 2) fp32 of the rotation (rope.h)

  // q and k normed and rotated, differentiable.
  std::pair<at::Tensor, at::Tensor> turned() const;
};

}  // namespace swift::ops
