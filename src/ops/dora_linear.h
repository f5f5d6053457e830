// DoRA (dora.h) in one pass over the weights: the rows of A are multiplied with the packed weights beside the
// activations, so the norms of W + scale · B · A, and with them the scale of each output column, are known
// before the sums are rounded.
#pragma once
#include "ops/linear.h"

namespace swift::ops {

struct DoraLinear {
  // Whether forward() takes these: bf16 on the panel kernels, and more than a few rows.
  static bool takes(const at::Tensor& x, const at::Tensor& w);
  // The same for a weight and many rows.
  static bool takes(const at::Tensor& w);

  // (magnitude / n) ⊙ (x · W^T + update), n as in dora.h for the present A and B. x (tokens, in), W (out, in)
  // frozen, magnitude and squares (square_norms(W)) (out) fp32. Differentiable in x, A, B and magnitude; the
  // norms are constants.
  static at::Tensor forward(const at::Tensor& x, const at::Tensor& w, const LowRank& update,
                            const at::Tensor& magnitude, const at::Tensor& squares);
};

}  // namespace swift::ops
