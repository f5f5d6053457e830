// y = x / sqrt(mean(x^2) + eps) * w, over the last dimension (Zhang & Sennrich 2019; Qwen3, Llama).
//   x (…, hidden) bf16 | fp16 | fp32   w (hidden)   sums in fp32
// As in transformers, the normalised value is rounded to x's type before it is scaled by w.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

struct RmsNorm {
  // Differentiable in x and w.
  static at::Tensor forward(const at::Tensor& x, const at::Tensor& w, double eps);
  // The same from basic tensor operations: oracle and fallback.
  static at::Tensor plain(const at::Tensor& x, const at::Tensor& w, double eps);
};

}  // namespace swift::ops
