// A weight matrix kept in fewer bits than it is computed with.
#pragma once
#include <vector>

#include "ops/gemm.h"
#include "ops/torch.h"

namespace swift::ops {

class QuantizedWeight;
using QuantizedPtr = c10::intrusive_ptr<QuantizedWeight>;

class QuantizedWeight : public torch::CustomClassHolder {
 public:
  // compute: the type of the products with this weight.
  QuantizedWeight(at::IntArrayRef sizes, at::ScalarType compute) : sizes_(sizes.vec()), compute_(compute) {}

  // The values (out, in) in a floating type.
  virtual at::Tensor unpack(at::ScalarType type) const = 0;
  // x · W^T + bias (out, or undefined) in x's type, without autograd. x (tokens, in).
  virtual at::Tensor product(const at::Tensor& x, const at::Tensor& bias) const;
  // Whether updated_product() is there: then a low-rank update costs no unpacking.
  virtual bool takes_update() const { return false; }
  // (x · W^T + update) + bias in bf16, rounded as gemm_nt (gemm.h) rounds it.
  virtual at::Tensor updated_product(const at::Tensor& x, const at::Tensor& bias,
                                     const LowRankTerm& update) const;
  // x · W^T in fp32.
  virtual at::Tensor logits(const at::Tensor& x) const;
  // Whether products_together() is faster than products one by one.
  virtual bool goes_with(const QuantizedWeight& /*other*/) const { return false; }
  // product() of several weights with one input; this is the first of them, and goes with the others. The
  // same results. biases: one for each weight.
  virtual std::vector<at::Tensor> products_together(const at::Tensor& x,
                                                    const std::vector<const QuantizedWeight*>& weights,
                                                    const std::vector<at::Tensor>& biases) const;
  // The same values in the memory of another device. Throws base::Error(usage) for a form that is the CPU's
  // alone.
  virtual QuantizedPtr to(at::Device device) const;
  // Where the stored form lies.
  virtual at::Device device() const { return at::kCPU; }
  // Memory that the stored form takes.
  virtual int64_t bytes() const = 0;

  at::IntArrayRef sizes() const { return sizes_; }
  at::ScalarType compute_type() const { return compute_; }

 private:
  std::vector<int64_t> sizes_;
  at::ScalarType compute_;
};

// Bytes of a tensor's elements; 0 when it is undefined.
inline int64_t bytes_of(const at::Tensor& t) {
  return t.defined() ? t.numel() * static_cast<int64_t>(t.element_size()) : 0;
}

}  // namespace swift::ops
