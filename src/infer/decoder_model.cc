#include "infer/decoder_model.h"

#include <algorithm>

#include "ops/attention.h"
#include "ops/cached_attention.h"
#include "ops/linear.h"

namespace swift::infer {

using at::Tensor;

// Appends each step's new keys and values to its sequence and attends over all of them.
class DecoderModel::CacheContext : public model::AttentionContext {
 public:
  struct Part {
    Cache* cache;
    int64_t first;  // row of the batch
    int64_t count;
  };
  explicit CacheContext(std::vector<Part> parts) : parts_(std::move(parts)) {}

  Tensor attend(int64_t layer, const Tensor& q, const Tensor& k, const Tensor& v, double scale) override {
    Tensor out = at::empty_like(q);
    for (const Part& part : parts_) {
      Tensor& keys = part.cache->keys[static_cast<size_t>(layer)];
      Tensor& values = part.cache->values[static_cast<size_t>(layer)];
      const int64_t length = part.cache->length;
      keys.narrow(1, length, part.count).copy_(k.narrow(0, part.first, part.count).transpose(0, 1));
      values.narrow(1, length, part.count).copy_(v.narrow(0, part.first, part.count).transpose(0, 1));
      out.narrow(0, part.first, part.count)
          .copy_(ops::CachedAttention::forward(q.narrow(0, part.first, part.count), keys, values,
                                               length + part.count, scale));
    }
    return out;
  }

 private:
  std::vector<Part> parts_;
};

int64_t DecoderModel::open() {
  Cache cache;
  cache.keys.resize(static_cast<size_t>(decoder_.spec.layers));
  cache.values.resize(static_cast<size_t>(decoder_.spec.layers));
  caches_.emplace(next_, std::move(cache));
  return next_++;
}

void DecoderModel::reserve(Cache& cache, int64_t tokens) const {
  if (tokens <= cache.capacity) return;
  constexpr int64_t kLeast = 64;
  const int64_t capacity = std::max({tokens, cache.capacity * 2, kLeast});
  const auto& a = decoder_.spec.attention;
  for (auto* side : {&cache.keys, &cache.values}) {
    for (Tensor& layer : *side) {
      Tensor wider =
          at::empty({a.kv_heads, capacity, a.head_dim}, decoder_.embed_tokens.options().requires_grad(false));
      if (cache.length > 0) wider.narrow(1, 0, cache.length).copy_(layer.narrow(1, 0, cache.length));
      layer = wider;
    }
  }
  cache.capacity = capacity;
}

std::span<const float> DecoderModel::forward(std::span<const Step> steps) {
  at::NoGradGuard no_grad;
  std::vector<int32_t> ids, positions;
  std::vector<CacheContext::Part> parts;
  Tensor last = at::empty({static_cast<int64_t>(steps.size())}, at::kLong);
  for (size_t i = 0; i < steps.size(); ++i) {
    Cache& cache = caches_.at(steps[i].sequence);
    const auto count = static_cast<int64_t>(steps[i].tokens.size());
    reserve(cache, cache.length + count);
    parts.push_back({&cache, static_cast<int64_t>(ids.size()), count});
    for (int64_t t = 0; t < count; ++t) {
      ids.push_back(steps[i].tokens[static_cast<size_t>(t)]);
      positions.push_back(static_cast<int32_t>(cache.length + t));
    }
    last.data_ptr<int64_t>()[i] = static_cast<int64_t>(ids.size()) - 1;
  }
  CacheContext attention(parts);
  const Tensor hidden = decoder_.hidden_states(ids, positions, attention);
  for (const auto& part : parts) part.cache->length += part.count;
  logits_ = decoder_.logits(hidden.index_select(0, last)).contiguous();
  return {logits_.const_data_ptr<float>(), static_cast<size_t>(logits_.numel())};
}

}  // namespace swift::infer
