// Keys and values of many sequences in blocks of 64 positions, and attention over them.
#pragma once
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "ops/device_decode.h"
#include "ops/head_inputs.h"
#include "ops/paged_attention.h"

namespace swift::ops {

// How keys and values are kept. model: in the model's own type.
enum class KvKind { model, bfloat16, float16, int8 };

class KvCache {
 public:
  virtual ~KvCache() = default;
  // Before the layers of each batch, with its tokens and the segments that the others then get: what all
  // layers share is made once. On the CPU there is nothing to share, and it may be left out.
  virtual void prepare(const std::vector<KvSegment>& /*segments*/, int64_t /*tokens*/) {}
  // The same for sequences that decode on a device by themselves: the state moves on between passes, and
  // store() and attend() get no segments. longest: positions that none of them comes to before the next call.
  // Only where can_follow() says so.
  virtual bool can_follow() const { return false; }
  virtual void follow(const DecodeState& state, int64_t longest);
  // k, v (tokens, kv_heads, head_dim) of the segments' rows.
  virtual void store(int64_t layer, const at::Tensor& k, const at::Tensor& v,
                     const std::vector<KvSegment>& segments) = 0;
  // q (tokens, heads, head_dim) to (tokens, heads, head_dim), after store(). A query's result depends on its
  // position, itself and what is stored before it alone, bit for bit.
  virtual at::Tensor attend(int64_t layer, const at::Tensor& q, const std::vector<KvSegment>& segments,
                            double scale) = 0;
  // store() and attend().
  virtual at::Tensor extend(int64_t layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                            const std::vector<KvSegment>& segments, double scale) {
    store(layer, k, v, segments);
    return attend(layer, q, segments, scale);
  }
  // The same from heads that are neither normed nor rotated.
  virtual at::Tensor extend(int64_t layer, const HeadInputs& heads, const std::vector<KvSegment>& segments,
                            double scale) {
    const auto [q, k] = heads.turned();
    return extend(layer, q, k, heads.v, segments, scale);
  }
};

struct KvShape {
  int64_t layers;
  int64_t blocks;
  int64_t kv_heads;
  int64_t head_dim;
};

// bf16 on a machine with the panel kernels: paged_attention.h. Else rows of the kept type with sums in fp32;
// int8 has a scale for each position and head (largest magnitude / 127).
// On a GPU a query's result also depends on whether it comes alone or with others of its sequence.
// like: a tensor on the device that is to hold the cache; undefined: the CPU.
std::unique_ptr<KvCache> make_kv_cache(KvKind kind, at::ScalarType model_type, const KvShape& shape,
                                       const at::Tensor& like = {});

// Bytes of one block over all layers.
int64_t kv_block_bytes(KvKind kind, at::ScalarType model_type, const KvShape& shape,
                       const at::Tensor& like = {});

}  // namespace swift::ops
