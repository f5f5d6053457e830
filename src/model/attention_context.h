// The one place where training and serving differ inside the decoder: how new queries meet keys.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/head_inputs.h"
#include "ops/torch.h"

namespace swift::model {

// attend: q (tokens, heads, head_dim), k and v (tokens, kv_heads, head_dim), rotated; returns (tokens, heads,
// head_dim).
class AttentionContext {
 public:
  virtual ~AttentionContext() = default;
  virtual at::Tensor attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            double scale) = 0;
  // The same from heads that are neither normed nor rotated.
  virtual at::Tensor attend(int64_t layer, const ops::HeadInputs& heads, double scale) {
    const auto [q, k] = heads.turned();
    return attend(layer, q, k, heads.v, scale);
  }
};

// Packed samples without a cache, differentiable: training and scoring. With `continues` (segments), segments
// that continue a shared prefix (ops/attention.h).
class PackedContext : public AttentionContext {
 public:
  explicit PackedContext(std::vector<int32_t> cu_seqlens, std::vector<uint8_t> continues = {})
      : cu_seqlens_(std::move(cu_seqlens)), continues_(std::move(continues)) {}
  using AttentionContext::attend;
  at::Tensor attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                    double scale) override;

 private:
  std::vector<int32_t> cu_seqlens_;  // (segments + 1)
  std::vector<uint8_t> continues_;   // (segments), or empty
};

}  // namespace swift::model
