// ops/device_ops.h over the kernels of this layer.
#pragma once
#include <type_traits>

#include "cuda/types.h"
#include "ops/device_ops.h"

namespace swift::cuda {

class CudaOps final : public ops::DeviceOps {
 public:
  at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& w, double eps,
                      const at::Tensor& inverse_rms) const override;
  at::Tensor add_rms_norm(at::Tensor& x, const at::Tensor& residual, const at::Tensor& w,
                          double eps) const override;
  std::pair<at::Tensor, at::Tensor> rms_norm_backward(const at::Tensor& dy, const at::Tensor& x,
                                                      const at::Tensor& w, const at::Tensor& inverse_rms,
                                                      bool weight_gradient) const override;
  at::Tensor swiglu(const at::Tensor& gate, const at::Tensor& up) const override;
  std::pair<at::Tensor, at::Tensor> swiglu_backward(const at::Tensor& dy, const at::Tensor& gate,
                                                    const at::Tensor& up) const override;
  at::Tensor rotate(const at::Tensor& x, const at::Tensor& cos, const at::Tensor& sin,
                    bool back) const override;
  at::Tensor keyed_dropout(const at::Tensor& x, double p, const ops::DropoutKey& key) const override;
  at::Tensor embedding_gradient(const at::Tensor& dy, const at::Tensor& ids, int64_t vocab) const override;
  bool takes_attention(const at::Tensor& q) const override;
  std::pair<at::Tensor, at::Tensor> attention(const ops::DeviceAttention& a) const override;
  std::vector<at::Tensor> attention_backward(const ops::DeviceAttention& a, const at::Tensor& out,
                                             const at::Tensor& log_sums,
                                             const at::Tensor& dout) const override;
  at::Tensor product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) const override;
  at::Tensor logits(const at::Tensor& x, const at::Tensor& w) const override;
  ops::QuantizedPtr grouped_weight(const ops::GroupedCodes& stored, at::ScalarType compute,
                                   at::Device device) const override;
  ops::QuantizedPtr four_bit_weight(const ops::FourBitTensor& stored, ops::FourBitCode code,
                                    at::IntArrayRef sizes, at::ScalarType compute,
                                    at::Device device) const override;
  TokenResults token_log_probs(const ops::DeviceTokens& tokens, bool entropies) const override;
  at::Tensor token_gradients(const ops::DeviceTokens& tokens, const at::Tensor& log_sums,
                             const at::Tensor& factors, at::ScalarType type) const override;
  std::unique_ptr<ops::KvCache> kv_cache(ops::KvKind kind, at::ScalarType model_type,
                                         const ops::KvShape& shape,
                                         const at::TensorOptions& options) const override;
  int64_t kept_head_dim(int64_t head_dim) const override;
  int64_t free_bytes() const override;
  int64_t peak_bytes() const override;
  bool takes_experts(at::ScalarType type, int64_t experts, int64_t hidden, int64_t intermediate,
                     int64_t per_token) const override;
  at::Tensor mix_experts(const at::Tensor& y, const at::Tensor& scores,
                         const ops::JoinedExperts& experts) const override;
  bool takes_expert_rows(at::ScalarType type, int64_t experts, int64_t columns,
                         int64_t per_token) const override;
  ops::RoutedTokens route_tokens(const at::Tensor& scores, int64_t per_token, bool normalize) const override;
  at::Tensor route_tokens_backward(const ops::RoutedTokens& routed, bool normalize,
                                   const at::Tensor& d_shares, const at::Tensor& d_probabilities,
                                   at::ScalarType type) const override;
  at::Tensor sort_rows(const at::Tensor& x, const ops::ExpertRoute& route) const override;
  at::Tensor combine_rows(const at::Tensor& rows, const at::Tensor& shares,
                          const ops::ExpertRoute& route) const override;
  std::pair<at::Tensor, at::Tensor> combine_rows_backward(const at::Tensor& dy, const at::Tensor& rows,
                                                          const at::Tensor& shares,
                                                          const ops::ExpertRoute& route) const override;
  at::Tensor expert_product(const at::Tensor& x, const at::Tensor& weight, bool turned,
                            const ops::ExpertRoute& route) const override;
  at::Tensor expert_outer(const at::Tensor& y, const at::Tensor& x, const ops::ExpertRoute& route,
                          at::ScalarType type) const override;
  at::Tensor drop_expert_rows(const at::Tensor& x, double p, const std::vector<ops::DropoutKey>& keys,
                              const ops::ExpertRoute& route) const override;
  bool takes_low_rank(at::ScalarType type, int64_t in, int64_t out, int64_t rank) const override;
  at::Tensor project(const at::Tensor& x, const at::Tensor& factor, bool turned, double scale,
                     const ops::KeyedDrop& drop) const override;
  void add_projected(const at::Tensor& y, const at::Tensor& h, const at::Tensor& factor, bool turned,
                     const ops::KeyedDrop& drop) const override;
  at::Tensor sum_outer(const at::Tensor& h, const at::Tensor& x, int64_t rank, bool turned,
                       const ops::KeyedDrop& drop) const override;
  void adamw(const std::vector<ops::AdamTensors>& tensors, const ops::AdamSettings& settings) const override;
  void update_int8(const ops::GroupCodes& weight, const at::Tensor& direction, double decay, double step,
                   const ops::RoundingKey* noise) const override;
  at::Tensor decode_int8(const ops::GroupCodes& weight, at::ScalarType type) const override;
  void encode_int4(const at::Tensor& values, const ops::GroupCodes& target) const override;
  at::Tensor decode_int4(const ops::GroupCodes& source, at::IntArrayRef sizes) const override;
  std::unique_ptr<ops::TokenDraws> token_draws(int64_t rows, int64_t vocab,
                                               const at::TensorOptions& options) const override;
  void advance(const ops::DecodeState& state) const override;
  std::unique_ptr<ops::DeviceGraph> capture(const std::function<void()>& work) const override;
};

// The type of t's values as kernels name it. Throws base::Error(failure) for one they do not have.
Type type_of(const at::Tensor& t);
Type type_of(at::ScalarType type);

// A copy of `values` on the device of `like`, queued without waiting; bytes for what is no number.
at::Tensor uploaded_bytes(const void* data, size_t bytes, const at::Tensor& like);
template <class T>
at::Tensor uploaded(const std::vector<T>& values, const at::Tensor& like) {
  const at::Tensor there = uploaded_bytes(values.data(), values.size() * sizeof(T), like);
  if constexpr (std::is_arithmetic_v<T>) return there.view(c10::CppTypeToScalarType<T>::value);
  return there;
}

// Where the part of a mask's name that lies on the device is; null: nowhere.
inline const uint64_t* base_of(const ops::DropoutKey& key) {
  return key.base.defined() ? reinterpret_cast<const uint64_t*>(key.base.const_data_ptr<int64_t>()) : nullptr;
}

// The smallest head size of the attention kernels that holds head_dim; 0: none does.
int64_t padded_head_dim(int64_t head_dim);
// The last dimension grown to `width` with zeros, dense.
at::Tensor widened(const at::Tensor& t, int64_t width);

}  // namespace swift::cuda
