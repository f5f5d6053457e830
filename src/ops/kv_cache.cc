#include "ops/kv_cache.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "ops/device_ops.h"
#include "ops/gemm.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;

class TileCache : public KvCache {
 public:
  explicit TileCache(const KvShape& s) : blocks_(s.layers, s.blocks, s.kv_heads, s.head_dim) {}

  void store(int64_t layer, const Tensor& k, const Tensor& v,
             const std::vector<KvSegment>& segments) override {
    PagedAttention::store(blocks_, layer, k.to(at::kBFloat16), v.to(at::kBFloat16), segments);
  }
  Tensor attend(int64_t layer, const Tensor& q, const std::vector<KvSegment>& segments,
                double scale) override {
    return PagedAttention::forward(blocks_, layer, q.to(at::kBFloat16), segments, scale).to(q.scalar_type());
  }
  Tensor extend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v,
                const std::vector<KvSegment>& segments, double scale) override {
    return PagedAttention::extend(blocks_, layer, q.to(at::kBFloat16), k.to(at::kBFloat16),
                                  v.to(at::kBFloat16), segments, scale)
        .to(q.scalar_type());
  }

 private:
  KvBlocks blocks_;
};

// What a row of T needs beside its elements to be read.
template <class T>
struct Codec {
  static float encode(const Floats* in, int64_t width, T* out) {
    for (int64_t i = 0; i < width; i += kLanes)
      ops::store(out + i, in[i / kLanes], std::min(kLanes, width - i));
    return 1.0F;
  }
  static Floats read(const T* p, int64_t n) { return ops::load(p, n); }
};

template <>
struct Codec<int8_t> {
  static float encode(const Floats* in, int64_t width, int8_t* out) {
    float most = 0;
    for (int64_t i = 0; i < width; ++i) most = std::max(most, std::abs(in[i / kLanes][i % kLanes]));
    const float scale = most / 127.0F;
    for (int64_t i = 0; i < width; ++i) {
      const float value = scale > 0 ? in[i / kLanes][i % kLanes] / scale : 0.0F;
      out[i] = static_cast<int8_t>(std::clamp(std::nearbyint(value), -127.0F, 127.0F));
    }
    return scale;
  }
  static Floats read(const int8_t* p, int64_t n) {
    Floats lanes = {};
    for (int64_t i = 0; i < n; ++i) lanes[i] = static_cast<float>(p[i]);
    return lanes;
  }
};

// (layers, blocks, kv_heads, kBlockTokens, head_dim) of T, twice, with a factor for each row.
template <class T>
class RowCache : public KvCache {
 public:
  explicit RowCache(const KvShape& s)
      : shape_(s),
        keys_(lazy_zeros({s.layers * s.blocks * s.kv_heads * kBlockTokens, s.head_dim}, type())),
        values_(lazy_zeros(keys_.sizes(), type())),
        key_factors_(lazy_zeros({keys_.size(0)}, at::kFloat)),
        value_factors_(lazy_zeros({keys_.size(0)}, at::kFloat)) {}

  void store(int64_t layer, const Tensor& k, const Tensor& v,
             const std::vector<KvSegment>& segments) override {
    keep(layer, k, keys_, key_factors_, segments);
    keep(layer, v, values_, value_factors_, segments);
  }

  Tensor attend(int64_t layer, const Tensor& q_in, const std::vector<KvSegment>& segments,
                double scale) override {
    const Tensor q = q_in.to(at::kFloat).contiguous();
    Tensor out = at::empty_like(q);
    const int64_t heads = q.size(1);
    at::parallel_for(0, heads, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> weights;
      for (int64_t head = begin; head < end; ++head) {
        for (const KvSegment& segment : segments) {
          for (int64_t i = 0; i < segment.count; ++i) {
            const int64_t at = ((segment.first + i) * heads + head) * shape_.head_dim;
            attend_row(layer, head * shape_.kv_heads / heads, segment, segment.start + i,
                       q.const_data_ptr<float>() + at, static_cast<float>(scale), weights,
                       out.data_ptr<float>() + at);
          }
        }
      }
    });
    return out.to(q_in.scalar_type());
  }

 private:
  static at::ScalarType type() { return c10::CppTypeToScalarType<T>::value; }

  int64_t row_of(int64_t layer, const KvSegment& segment, int64_t position, int64_t head) const {
    const int64_t block = segment.blocks[static_cast<size_t>(position / kBlockTokens)];
    return ((layer * shape_.blocks + block) * shape_.kv_heads + head) * kBlockTokens +
           position % kBlockTokens;
  }

  void keep(int64_t layer, const Tensor& rows_in, Tensor& to, Tensor& factors,
            const std::vector<KvSegment>& segments) {
    const Tensor rows = rows_in.to(at::kFloat).contiguous();
    const int64_t d = shape_.head_dim;
    std::vector<Floats> lanes(static_cast<size_t>((d + kLanes - 1) / kLanes));
    for (const KvSegment& segment : segments) {
      for (int64_t i = 0; i < segment.count; ++i) {
        for (int64_t head = 0; head < shape_.kv_heads; ++head) {
          const float* in = rows.const_data_ptr<float>() + ((segment.first + i) * shape_.kv_heads + head) * d;
          for_lanes(0, d, [&](int64_t c, int64_t n) {
            lanes[static_cast<size_t>(c / kLanes)] = ops::load(in + c, n);
          });
          const int64_t row = row_of(layer, segment, segment.start + i, head);
          factors.data_ptr<float>()[row] = Codec<T>::encode(lanes.data(), d, to.data_ptr<T>() + row * d);
        }
      }
    }
  }

  void attend_row(int64_t layer, int64_t kv_head, const KvSegment& segment, int64_t position, const float* q,
                  float scale, std::vector<float>& weights, float* out) const {
    const int64_t d = shape_.head_dim;
    weights.resize(static_cast<size_t>(position) + 1);
    float most = -INFINITY;
    for (int64_t p = 0; p <= position; ++p) {
      const int64_t row = row_of(layer, segment, p, kv_head);
      Floats total = {};
      for_lanes(0, d, [&](int64_t i, int64_t n) {
        total += ops::load(q + i, n) * Codec<T>::read(keys_.const_data_ptr<T>() + row * d + i, n);
      });
      const float score = sum(total) * key_factors_.const_data_ptr<float>()[row] * scale;
      weights[static_cast<size_t>(p)] = score;
      most = std::max(most, score);
    }
    float total = 0;
    for (float& weight : weights) total += weight = std::exp(weight - most);
    std::fill(out, out + d, 0.0F);
    for (int64_t p = 0; p <= position; ++p) {
      const int64_t row = row_of(layer, segment, p, kv_head);
      const float weight =
          weights[static_cast<size_t>(p)] / total * value_factors_.const_data_ptr<float>()[row];
      for_lanes(0, d, [&](int64_t i, int64_t n) {
        const Floats value = Codec<T>::read(values_.const_data_ptr<T>() + row * d + i, n);
        ops::store(out + i, ops::load(out + i, n) + weight * value, n);
      });
    }
  }

  KvShape shape_;
  Tensor keys_, values_;                // (rows, head_dim)
  Tensor key_factors_, value_factors_;  // (rows)
};

at::ScalarType kept_type(KvKind kind, at::ScalarType model_type) {
  if (kind == KvKind::bfloat16) return at::kBFloat16;
  if (kind == KvKind::float16) return at::kHalf;
  return kind == KvKind::int8 ? at::kChar : model_type;
}

}  // namespace

void KvCache::follow(const DecodeState& /*state*/, int64_t /*longest*/) {
  throw std::logic_error("this cache cannot follow a device");
}

std::unique_ptr<KvCache> make_kv_cache(KvKind kind, at::ScalarType model_type, const KvShape& shape,
                                       const Tensor& like) {
  if (const DeviceOps* device = device_ops(like))
    return device->kv_cache(kind, model_type, shape, like.options().requires_grad(false));
  switch (kept_type(kind, model_type)) {
    case at::kBFloat16:
      if (has_panel_gemm() && shape.head_dim % 2 == 0) return std::make_unique<TileCache>(shape);
      return std::make_unique<RowCache<at::BFloat16>>(shape);
    case at::kHalf:
      return std::make_unique<RowCache<at::Half>>(shape);
    case at::kChar:
      return std::make_unique<RowCache<int8_t>>(shape);
    default:
      return std::make_unique<RowCache<float>>(shape);
  }
}

int64_t kv_block_bytes(KvKind kind, at::ScalarType model_type, const KvShape& shape, const Tensor& like) {
  const at::ScalarType type = kept_type(kind, model_type);
  const int64_t rows = 2 * shape.layers * shape.kv_heads * kBlockTokens;
  if (const DeviceOps* device = device_ops(like)) {
    const int64_t values =
        device->kept_head_dim(shape.head_dim) * static_cast<int64_t>(c10::elementSize(type));
    return rows * (values + (kind == KvKind::int8 ? 4 : 0));
  }
  const bool tiles = type == at::kBFloat16 && has_panel_gemm() && shape.head_dim % 2 == 0;
  return rows * (shape.head_dim * static_cast<int64_t>(c10::elementSize(type)) + (tiles ? 0 : 4));
}

}  // namespace swift::ops
