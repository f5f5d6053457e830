// What is kept of the inputs of a linear during calibration.
#pragma once
#include "ops/torch.h"

namespace swift::quant {

struct InputStats {
  at::Tensor gram;     // fp32 (in, in), sum of x x^T; undefined before the first input
  at::Tensor abs_sum;  // fp32 (in), sum of |x|
  int64_t tokens = 0;

  // x (tokens, in).
  void add(const at::Tensor& x);
  // The statistics of x / scale. scale fp32 (in).
  InputStats divided(const at::Tensor& scale) const;
};

// The part of the outputs' squares that changed with the weights: tr(D G D^T) / tr(W G W^T), D = rounded -
// weight.
double output_error(const at::Tensor& weight, const at::Tensor& rounded, const at::Tensor& gram);

}  // namespace swift::quant
