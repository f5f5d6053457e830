#include "ops/quantized_weight.h"

#include <stdexcept>

#include "base/error.h"
#include "ops/products.h"

namespace swift::ops {

at::Tensor QuantizedWeight::product(const at::Tensor& x, const at::Tensor& bias) const {
  const at::Tensor shift = bias.defined() ? bias.to(compute_) : bias;
  return product_nt(x.to(compute_), unpack(compute_), shift).to(x.scalar_type());
}

at::Tensor QuantizedWeight::updated_product(const at::Tensor& /*x*/, const at::Tensor& /*bias*/,
                                            const LowRankTerm& /*update*/) const {
  throw std::logic_error("this form of a weight takes no update");
}

std::vector<at::Tensor> QuantizedWeight::products_together(const at::Tensor& x,
                                                           const std::vector<const QuantizedWeight*>& weights,
                                                           const std::vector<at::Tensor>& biases) const {
  std::vector<at::Tensor> results;
  for (size_t i = 0; i < weights.size(); ++i) results.push_back(weights[i]->product(x, biases[i]));
  return results;
}

QuantizedPtr QuantizedWeight::to(at::Device device) const {
  throw base::Error(base::ExitCode::usage,
                    "this form of quantized weights has no kernels for " + device.str(), {},
                    "set device: cpu");
}

at::Tensor QuantizedWeight::logits(const at::Tensor& x) const {
  return ops::logits(x.to(compute_), unpack(compute_));
}

}  // namespace swift::ops
