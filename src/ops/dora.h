// Weight-decomposed low-rank adaptation (DoRA, Liu et al. 2024): a low-rank update whose direction and length
// are trained apart.
//   y = (m / n) ⊙ (x · W^T + scale · (x · A^T) · B^T) + bias      n = ‖W + scale · B · A‖ of each output row
// n is a constant of the backward pass (section 4.3 of the paper), so it is computed once per optimizer step,
// without forming B · A:
//   n² = ‖W‖² + 2 · scale · sum_k (W · A^T)_k B_k + scale² · B · (A · A^T) · B^T, per row
#pragma once
#include "ops/linear.h"

namespace swift::ops {

// ‖W_j‖² of each row of W (out, in), fp32 (out).
at::Tensor square_norms(const at::Tensor& w);

// n (out) fp32, without autograd. A and B count as Linear uses them, rounded to W's type. squares:
// square_norms(w).
at::Tensor updated_norms(const at::Tensor& w, const at::Tensor& squares, const LowRank& update);

// dz = dy ⊙ gain in z's type, and the sum over tokens of dy ⊙ z, fp32 (out). z, dy (tokens, out) contiguous
// on the CPU; gain (out) fp32.
std::pair<at::Tensor, at::Tensor> scale_rows_backward(const at::Tensor& z, const at::Tensor& dy,
                                                      const at::Tensor& gain);

// y = z ⊙ (magnitude / norms) + bias. z (tokens, out); magnitude and norms (out) fp32; bias (out) or
// undefined. Differentiable in z, magnitude and bias.
struct RowScale {
  static at::Tensor forward(const at::Tensor& z, const at::Tensor& magnitude, const at::Tensor& norms,
                            const at::Tensor& bias);
  // The same from basic tensor operations: oracle of the tests.
  static at::Tensor plain(const at::Tensor& z, const at::Tensor& magnitude, const at::Tensor& norms,
                          const at::Tensor& bias);
};

}  // namespace swift::ops
