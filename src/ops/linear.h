// y = x · W^T + b, optionally with a low-rank update (Hu et al. 2021): y += scale · (drop(x) · A^T) · B^T.
//   x (tokens, in)   W (out, in)   b (out)   A (rank, in) fp32   B (out, rank) fp32
// bf16 on the CPU runs the kernels of gemm.h; anything else runs ATen. Differentiable in x, W, b, A and B; a
// frozen W costs no gradient. The adapter is fp32 and is rounded to x's type for the products.
#pragma once
#include <optional>

#include "ops/dropout.h"
#include "ops/low_rank_update.h"
#include "ops/products.h"

namespace swift::ops {

struct Linear {
  // Throws base::Error(failure) naming both shapes when they disagree.
  static at::Tensor forward(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                            const LowRank* update);
  // The same from basic tensor operations: oracle of the tests.
  static at::Tensor plain(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                          const LowRank* update);
};

}  // namespace swift::ops
