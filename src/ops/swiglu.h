// y = silu(gate) * up with silu(z) = z / (1 + exp(-z)) (Shazeer 2020). gate, up (tokens, intermediate); fp32
// inside.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

struct SwiGlu {
  // Differentiable in both.
  static at::Tensor forward(const at::Tensor& gate, const at::Tensor& up);
  // The same from basic tensor operations: oracle and fallback.
  static at::Tensor plain(const at::Tensor& gate, const at::Tensor& up);
};

}  // namespace swift::ops
