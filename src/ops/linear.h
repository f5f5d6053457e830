// y = x · W^T + b, optionally with a low-rank update (Hu et al. 2021): y += scale · (drop(x) · A^T) · B^T.
//   x (tokens, in)   W (out, in)   b (out)   A (rank, in) fp32   B (out, rank) fp32
// bf16 on the CPU runs the kernels of gemm.h; anything else runs ATen. Differentiable in x, W, b, A and B; a
// frozen W costs no gradient. The adapter is fp32 and is rounded to x's type for the products.
#pragma once
#include <optional>

#include "ops/dropout.h"
#include "ops/products.h"

namespace swift::ops {

// The low-rank update of one linear.
struct LowRank {
  at::Tensor a;              // (rank, in)
  at::Tensor b;              // (out, rank)
  double scale = 1.0;        // alpha / rank, or alpha / sqrt(rank)
  double dropout = 0;        // probability of zeroing an element of x
  uint64_t dropout_key = 0;  // the mask is a pure function of this key and the element's index
};

struct Linear {
  // Throws base::Error(failure) naming both shapes when they disagree.
  static at::Tensor forward(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                            const LowRank* update);
  // The same from basic tensor operations: oracle of the tests.
  static at::Tensor plain(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                          const LowRank* update);
};

}  // namespace swift::ops
