// The one place where training and serving differ inside the decoder: how new queries meet keys.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "ops/device_segments.h"
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
  std::vector<int32_t> cu_seqlens_;              // (segments + 1)
  std::vector<uint8_t> continues_;               // (segments), or empty
  std::optional<ops::DeviceSegments> segments_;  // the same on a device, once it is asked for
};

// Packed tokens of a device whose segments lie there: they may change between passes.
class SegmentContext : public AttentionContext {
 public:
  explicit SegmentContext(ops::DeviceSegments segments) : segments_(std::move(segments)) {}
  using AttentionContext::attend;
  at::Tensor attend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                    double scale) override;

 private:
  ops::DeviceSegments segments_;
};

}  // namespace swift::model
