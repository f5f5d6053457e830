// Rotary position embedding, rotate-half form (Su et al. 2021; transformers' apply_rotary_pos_emb).
//   x (tokens, heads, head_dim)   cos, sin (tokens, head_dim / 2) fp32
//   y[i] = x[i] cos - x[i + d/2] sin,  y[i + d/2] = x[i + d/2] cos + x[i] sin
#pragma once
#include "ops/torch.h"

namespace swift::ops {

struct Rope {
  // Differentiable in x.
  static at::Tensor forward(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);
  // The same from basic tensor operations: oracle and fallback.
  static at::Tensor plain(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin);
};

}  // namespace swift::ops
