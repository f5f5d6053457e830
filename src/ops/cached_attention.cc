#include "ops/cached_attention.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace swift::ops {
namespace {

using at::Tensor;

// From this many new tokens on, ATen's blocked kernels are faster than a scan per token.
constexpr int64_t kBlockedTokens = 16;

template <class T>
float dot(const float* q, const T* k, int64_t n) {
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t i = 0; i < n; ++i) sum += q[i] * static_cast<float>(k[i]);
  return sum;
}

// One query head over `visible` positions: two passes, scores kept.
template <class T>
void attend_one(const T* query, const T* keys, const T* values, int64_t visible, int64_t head_dim,
                float scale, std::vector<float>& scores, std::vector<float>& wide, T* out) {
  wide.resize(static_cast<size_t>(2 * head_dim));
  scores.resize(static_cast<size_t>(visible));
  float* q = wide.data();
  float* sum = q + head_dim;
  for (int64_t i = 0; i < head_dim; ++i) q[i] = static_cast<float>(query[i]) * scale, sum[i] = 0;
  float largest = -INFINITY;
  for (int64_t p = 0; p < visible; ++p) {
    scores[static_cast<size_t>(p)] = dot(q, keys + p * head_dim, head_dim);
    largest = std::max(largest, scores[static_cast<size_t>(p)]);
  }
  float total = 0;
  for (int64_t p = 0; p < visible; ++p) {
    const float weight = std::exp(scores[static_cast<size_t>(p)] - largest);
    total += weight;
    const T* value = values + p * head_dim;
#pragma omp simd
    for (int64_t i = 0; i < head_dim; ++i) sum[i] += weight * static_cast<float>(value[i]);
  }
  for (int64_t i = 0; i < head_dim; ++i) out[i] = static_cast<T>(sum[i] / total);
}

}  // namespace

Tensor CachedAttention::forward(const Tensor& q, const Tensor& keys, const Tensor& values, int64_t length,
                                double scale) {
  const int64_t fresh = q.size(0), heads = q.size(1), head_dim = q.size(2);
  if (fresh >= kBlockedTokens) {
    const int64_t group = heads / keys.size(0);
    const auto expand = [&](const Tensor& t) {
      const Tensor valid = t.narrow(1, 0, length).unsqueeze(1);
      return valid.expand({t.size(0), group, length, head_dim}).reshape({1, heads, length, head_dim});
    };
    Tensor mask;
    if (fresh != length) {
      mask =
          at::zeros({fresh, length}, q.options())
              .masked_fill_(at::ones({fresh, length}, q.options().dtype(at::kBool)).triu(length - fresh + 1),
                            -INFINITY);
    }
    const auto result = at::scaled_dot_product_attention(
        q.transpose(0, 1).unsqueeze(0), expand(keys), expand(values),
        mask.defined() ? std::optional<Tensor>(mask) : std::nullopt, 0.0, !mask.defined(), scale);
    return result.squeeze(0).transpose(0, 1).contiguous();
  }
  const Tensor in = q.contiguous();
  Tensor out = at::empty_like(in);
  const int64_t group = heads / keys.size(0), capacity = keys.size(1);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, q.scalar_type(), "cached_attention", [&] {
    at::parallel_for(0, fresh * heads, 1, [&](int64_t begin, int64_t end) {
      std::vector<float> scores, wide;
      for (int64_t index = begin; index < end; ++index) {
        const int64_t token = index / heads, kv_head = index % heads / group;
        attend_one(in.const_data_ptr<scalar_t>() + index * head_dim,
                   keys.const_data_ptr<scalar_t>() + kv_head * capacity * head_dim,
                   values.const_data_ptr<scalar_t>() + kv_head * capacity * head_dim,
                   length - fresh + token + 1, head_dim, static_cast<float>(scale), scores, wide,
                   out.data_ptr<scalar_t>() + index * head_dim);
      }
    });
  });
  return out;
}

Tensor CachedAttention::plain(const Tensor& q, const Tensor& keys, const Tensor& values, int64_t length,
                              double scale) {
  const int64_t fresh = q.size(0), group = q.size(1) / keys.size(0);
  const Tensor k = keys.narrow(1, 0, length).repeat_interleave(group, 0);  // (heads, length, head_dim)
  const Tensor v = values.narrow(1, 0, length).repeat_interleave(group, 0);
  const Tensor scores = at::matmul(q.transpose(0, 1), k.transpose(1, 2)).to(at::kFloat) * scale;
  const Tensor unseen = at::ones({fresh, length}, q.options().dtype(at::kBool)).triu(length - fresh + 1);
  const Tensor weights = at::softmax(scores.masked_fill(unseen, -INFINITY), -1).to(q.scalar_type());
  return at::matmul(weights, v).transpose(0, 1).contiguous();
}

}  // namespace swift::ops
