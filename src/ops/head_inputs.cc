#include "ops/head_inputs.h"

#include "ops/rms_norm.h"
#include "ops/rope.h"

namespace swift::ops {

std::pair<at::Tensor, at::Tensor> HeadInputs::turned() const {
  const at::Tensor a = q_norm.defined() ? RmsNorm::forward(q, q_norm, eps) : q;
  const at::Tensor b = k_norm.defined() ? RmsNorm::forward(k, k_norm, eps) : k;
  return {Rope::forward(a, cos, sin), Rope::forward(b, cos, sin)};
}

}  // namespace swift::ops
