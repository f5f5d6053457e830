// The operations of this folder on a GPU. A CUDA build defines them in src/cuda/ops/, over the kernels of
// src/cuda/; a build without CUDA has none (device_none.cc). Each computes what the operation of its name
// here computes, with sums in another order; none waits for the device. Tensors lie on the device unless
// said.
#pragma once
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ops/device_decode.h"
#include "ops/device_experts.h"
#include "ops/device_low_rank.h"
#include "ops/device_segments.h"
#include "ops/device_update.h"
#include "ops/dropout.h"
#include "ops/four_bit.h"
#include "ops/grouped_codes.h"
#include "ops/kv_cache.h"
#include "ops/quantized_weight.h"
#include "ops/torch.h"

namespace swift::ops {

// Queries and keys of packed samples, as attention.h has them.
struct DeviceAttention {
  at::Tensor q, k, v;  // (tokens, heads | kv_heads, head_dim), dense
  DeviceSegments segments;
  double scale;
};

// Logits of some rows and what is asked of them.
struct DeviceTokens {
  at::Tensor z;       // (rows, vocab) fp32
  at::Tensor labels;  // (rows) int64
  double temperature;
};

class DeviceOps : public DeviceDecode, public DeviceExperts, public DeviceLowRank, public DeviceUpdate {
 public:
  // rms_norm.h over the last dimension of x, dense. inverse_rms (rows) fp32 is written.
  virtual at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps,
                              const at::Tensor& inverse_rms) const = 0;
  // dx, and dw where `weight_gradient` asks for it.
  virtual std::pair<at::Tensor, at::Tensor> rms_norm_backward(const at::Tensor& dy, const at::Tensor& x,
                                                              const at::Tensor& w,
                                                              const at::Tensor& inverse_rms,
                                                              bool weight_gradient) const = 0;
  // Without gradients: x += residual (undefined: nothing), then its norm. Both (rows, hidden), dense.
  virtual at::Tensor add_rms_norm(at::Tensor& x, const at::Tensor& residual, const at::Tensor& w,
                                  double eps) const = 0;
  // swiglu.h; rows of gate and up may lie apart. Backward returns the gradients of gate and up.
  virtual at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) const = 0;
  virtual std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& dy, const at::Tensor& gate,
                                                            const at::Tensor& up) const = 0;
  // rope.h; `back` turns the other way: the gradient.
  virtual at::Tensor rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                            bool back) const = 0;
  // dropout.h, the same mask as on the CPU.
  virtual at::Tensor keyed_dropout(const at::Tensor& x, double p, const DropoutKey& key) const = 0;

  // embedding.h: the sums of the rows of dy (tokens, hidden) by ids (tokens) int64, (vocab, hidden) in dy's
  // type.
  virtual at::Tensor embedding_gradient(const at::Tensor& dy, const at::Tensor& ids, int64_t vocab) const = 0;

  // attention.h: 16-bit types with heads of up to 256 values. Others run the plain twin.
  virtual bool takes_attention(const at::Tensor& q) const = 0;
  // Returns out (tokens, heads, head_dim) and the logarithms of the sums (heads, tokens) fp32.
  virtual std::pair<at::Tensor, at::Tensor> attention(const DeviceAttention& a) const = 0;
  // dq, dk, dv.
  virtual std::vector<at::Tensor> attention_backward(const DeviceAttention& a, const at::Tensor& out,
                                                     const at::Tensor& log_sums,
                                                     const at::Tensor& dout) const = 0;

  // x · W^T + bias (out, or undefined) in x's type; x (rows, in), W (out, in).
  virtual at::Tensor product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) const = 0;
  // x · W^T in fp32.
  virtual at::Tensor logits(const at::Tensor& x, const at::Tensor& w) const = 0;

  // The weight of 4-bit codes (in host memory) in the kernels' order on `device`; null for shapes and types
  // that they do not take. Scales are rounded to the compute type.
  virtual QuantizedPtr grouped_weight(const GroupedCodes& stored, at::ScalarType compute,
                                      at::Device device) const = 0;
  // A weight of `sizes` in blocks of 4-bit codes (in host memory) on `device`.
  virtual QuantizedPtr four_bit_weight(const FourBitTensor& stored, FourBitCode code, at::IntArrayRef sizes,
                                       at::ScalarType compute, at::Device device) const = 0;

  // Log-probabilities of the labels, entropies where asked for, and the logarithms of the sums of
  // exponentials of z / temperature; (rows) fp32 each.
  struct TokenResults {
    at::Tensor log_probs, entropies, log_sums;
  };
  virtual TokenResults token_log_probs(const DeviceTokens& tokens, bool entropies) const = 0;
  // factors (rows) fp32 times d log_prob / dz, in `type`: (rows, vocab).
  virtual at::Tensor token_gradients(const DeviceTokens& tokens, const at::Tensor& log_sums,
                                     const at::Tensor& factors, at::ScalarType type) const = 0;

  // kv_cache.h in the memory of the device that `options` names. Heads are kept with padded_head_dim()
  // values.
  virtual std::unique_ptr<KvCache> kv_cache(KvKind kind, at::ScalarType model_type, const KvShape& shape,
                                            const at::TensorOptions& options) const = 0;
  // Values of a head as the cache keeps them.
  virtual int64_t kept_head_dim(int64_t head_dim) const = 0;
  // Memory of the device that is free for new tensors.
  virtual int64_t free_bytes() const = 0;
  // The most memory that tensors had reserved at a time since the program began.
  virtual int64_t peak_bytes() const = 0;
};

// Of the device that t lies on; null on the CPU.
const DeviceOps* device_ops(const at::Tensor& t);
inline const DeviceOps* device_ops(at::Device device) {
  return device_ops(at::empty({0}, at::TensorOptions(device)));
}

}  // namespace swift::ops
