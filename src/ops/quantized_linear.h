// Linear (linear.h) over a weight that is kept in fewer bits: forward and backward unpack it to its compute
// type, and drop it again.
#pragma once
#include "ops/linear.h"
#include "ops/quantized_weight.h"

namespace swift::ops {

struct QuantizedLinear {
  // x (tokens, in) to (tokens, out) in x's type; the products run in the weight's compute type.
  // Differentiable in x, bias, A and B. trained: a leaf (out, in) that gets the gradient of W, or undefined
  // for a frozen one; its values are not read. Throws base::Error(failure) naming both shapes when they
  // disagree.
  static at::Tensor forward(const at::Tensor& x, const QuantizedPtr& w, const at::Tensor& trained,
                            const at::Tensor& bias, const LowRank* update);
  // Linear::plain over the unpacked weight: oracle of the tests.
  static at::Tensor plain(const at::Tensor& x, const QuantizedPtr& w, const at::Tensor& bias,
                          const LowRank* update);
};

}  // namespace swift::ops
