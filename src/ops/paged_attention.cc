#include "ops/paged_attention.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#include "ops/attention_tiles.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;
using c10::BFloat16;

static_assert(kBlockTokens == kTileColumns);

struct Scratch {
  Scratch(int64_t blocks, int64_t d)
      : scores(blocks * kTileArea),
        sums(kTileRows * d),
        q(kTileRows * d),
        p(blocks * kTileArea),
        product(d) {}
  TileBuffer<float> scores, sums;
  TileBuffer<BFloat16> q, p;
  TileProducts product;
};

// One segment and key head. Its queries are numbered token by token, the heads of the group side by side.
struct Task {
  const KvSegment& segment;
  int64_t kv_head;
  int64_t group;
  int64_t heads;
};

void attend(KvBlocks& cache, int64_t layer, const Task& task, const BFloat16* q, float scale, Scratch& s,
            BFloat16* out) {
  const int64_t d = cache.head_dim();
  const KvSegment& segment = task.segment;
  const auto keys = [&](int64_t j) {
    return cache.keys(layer, segment.blocks[static_cast<size_t>(j)], task.kv_head);
  };
  const auto values = [&](int64_t j) {
    return cache.values(layer, segment.blocks[static_cast<size_t>(j)], task.kv_head);
  };
  const auto element = [&](int64_t query) {
    const int64_t token = segment.first + query / task.group;
    return (token * task.heads + task.kv_head * task.group + query % task.group) * d;
  };
  std::array<int64_t, kTileRows> positions{};
  std::array<float, kTileRows> tops{}, totals{};
  for (int64_t at = 0; at < segment.count * task.group; at += kTileRows) {
    const int64_t rows = std::min(kTileRows, segment.count * task.group - at);
    for (int64_t r = 0; r < rows; ++r) {
      positions[static_cast<size_t>(r)] = segment.start + (at + r) / task.group;
      std::memcpy(s.q.data + r * d, q + element(at + r), static_cast<size_t>(d) * sizeof(BFloat16));
    }
    const int64_t blocks = tile_blocks(positions[static_cast<size_t>(rows - 1)] + 1);
    for (int64_t j = 0; j < blocks; ++j) {
      s.product(s.q.data, keys(j), s.scores.data + j * kTileArea, rows, kTileColumns, d, false,
                j + 1 < blocks ? keys(j + 1) : values(0));
    }
    soften(s.scores.data, positions.data(), rows, blocks, scale, s.p.data, tops.data(), totals.data(), rows);
    for (int64_t j = 0; j < blocks; ++j) {
      s.product(s.p.data + j * kTileArea, values(j), s.sums.data, rows, d, kTileColumns, j > 0,
                j + 1 < blocks ? values(j + 1) : nullptr);
    }
    for (int64_t r = 0; r < rows; ++r) {
      BFloat16* to = out + element(at + r);
      const float inverse = 1.0F / totals[static_cast<size_t>(r)];
      for_lanes(0, d,
                [&](int64_t i, int64_t n) { store(to + i, load(s.sums.data + r * d + i, n) * inverse, n); });
    }
  }
}

// Where one position of one head lies in its block.
struct Place {
  uint32_t* keys;
  uint32_t* values;  // its pair of positions
  int64_t slot;
};

// A position's keys touch a cache line for every pair of features.
void fetch(const Place& to, int64_t d) {
  constexpr int64_t kLineWords = 16;
  for (int64_t pair = 0; pair < d / 2; ++pair) __builtin_prefetch(to.keys + pair * kBlockTokens + to.slot, 1);
  for (int64_t c = 0; c < d; c += kLineWords) __builtin_prefetch(to.values + c, 1);
}

void store_position(const uint16_t* k, const uint16_t* v, int64_t d, const Place& to) {
  for (int64_t pair = 0; pair < d / 2; ++pair)
    to.keys[pair * kBlockTokens + to.slot] = uint32_t{k[2 * pair]} | uint32_t{k[2 * pair + 1]} << 16;
  auto* half = reinterpret_cast<uint16_t*>(to.values) + to.slot % 2;
  for (int64_t c = 0; c < d; ++c) half[2 * c] = v[c];
}

// New keys and values of a layer on their way into the cache.
class Stored {
 public:
  Stored(KvBlocks& cache, int64_t layer, const Tensor& k, const Tensor& v)
      : cache_(cache), layer_(layer), k_(k.contiguous()), v_(v.contiguous()) {}

  // A segment's positions of one head.
  void store(const KvSegment& segment, int64_t head) const {
    const auto* keys = reinterpret_cast<const uint16_t*>(k_.const_data_ptr<BFloat16>());
    const auto* values = reinterpret_cast<const uint16_t*>(v_.const_data_ptr<BFloat16>());
    const int64_t d = cache_.head_dim();
    for (int64_t i = 0; i < segment.count; ++i) {
      const int64_t from = ((segment.first + i) * cache_.kv_heads() + head) * d;
      store_position(keys + from, values + from, d, place(segment, segment.start + i, head));
    }
  }
  // Brings the places of its first position nearer.
  void fetch_first(const KvSegment& segment, int64_t head) const {
    fetch(place(segment, segment.start, head), cache_.head_dim());
  }

 private:
  Place place(const KvSegment& segment, int64_t position, int64_t head) const {
    const int64_t block = segment.blocks[static_cast<size_t>(position / kBlockTokens)];
    const int64_t slot = position % kBlockTokens;
    return {cache_.keys(layer_, block, head),
            cache_.values(layer_, block, head) + slot / 2 * cache_.head_dim(), slot};
  }

  KvBlocks& cache_;
  int64_t layer_;
  Tensor k_, v_;
};

// stored: keys and values that go to the cache before they are read; null: they are there.
Tensor attend_all(KvBlocks& cache, int64_t layer, const Tensor& q_in, const Stored* stored,
                  const std::vector<KvSegment>& segments, double scale) {
  const Tensor q = q_in.contiguous();
  Tensor out = at::empty_like(q);
  int64_t longest = 0;
  for (const KvSegment& segment : segments) longest = std::max(longest, segment.start + segment.count);
  const auto* in = q.const_data_ptr<BFloat16>();
  auto* to = out.data_ptr<BFloat16>();
  const auto count = static_cast<int64_t>(segments.size());
  const int64_t group = q.size(1) / cache.kv_heads();
  const auto segment = [&](int64_t i) -> const KvSegment& {
    return segments[static_cast<size_t>(i % count)];
  };
  at::parallel_for(0, count * cache.kv_heads(), 1, [&](int64_t begin, int64_t end) {
    Scratch scratch(tile_blocks(longest), cache.head_dim());
    for (int64_t i = begin; i < end; ++i) {
      if (stored != nullptr) {
        stored->store(segment(i), i / count);
        if (i + 1 < end) stored->fetch_first(segment(i + 1), (i + 1) / count);
      }
      attend(cache, layer, {segment(i), i / count, group, q.size(1)}, in, static_cast<float>(scale), scratch,
             to);
    }
  });
  return out;
}

// Keys (or values) of one head up to `length`, (length, head_dim).
Tensor gathered(KvBlocks& cache, int64_t layer, const KvSegment& segment, int64_t head, bool of_keys) {
  const int64_t d = cache.head_dim(), length = segment.start + segment.count;
  Tensor t = at::empty({length, d}, at::kBFloat16);
  auto* out = reinterpret_cast<uint16_t*>(t.data_ptr<BFloat16>());
  for (int64_t i = 0; i < length; ++i) {
    const int64_t block = segment.blocks[static_cast<size_t>(i / kBlockTokens)], slot = i % kBlockTokens;
    const uint32_t* keys = cache.keys(layer, block, head);
    const uint32_t* values = cache.values(layer, block, head);
    for (int64_t c = 0; c < d; ++c) {
      const uint32_t word = of_keys ? keys[c / 2 * kBlockTokens + slot] : values[slot / 2 * d + c];
      out[i * d + c] = static_cast<uint16_t>((of_keys ? c : slot) % 2 == 0 ? word : word >> 16);
    }
  }
  return t;
}

}  // namespace

Tensor lazy_zeros(at::IntArrayRef shape, at::ScalarType type) {
  constexpr size_t kLine = 64;
  const auto bytes = static_cast<size_t>(c10::multiply_integers(shape)) * c10::elementSize(type);
  void* memory = std::calloc(bytes + kLine, 1);
  if (memory == nullptr) throw std::bad_alloc();
  void* aligned = memory;
  size_t room = bytes + kLine;
  std::align(kLine, bytes, aligned, room);
  return at::from_blob(
      aligned, shape, [memory](void*) { std::free(memory); }, at::TensorOptions(type));
}

KvBlocks::KvBlocks(int64_t layers, int64_t blocks, int64_t kv_heads, int64_t head_dim)
    : blocks_(blocks),
      kv_heads_(kv_heads),
      head_dim_(head_dim),
      memory_(lazy_zeros({layers, blocks, kv_heads, head_dim * kBlockTokens}, at::kInt)) {}

uint32_t* KvBlocks::keys(int64_t layer, int64_t block, int64_t head) {
  const int64_t index = (layer * blocks_ + block) * kv_heads_ + head;
  return reinterpret_cast<uint32_t*>(memory_.data_ptr<int32_t>()) + index * head_dim_ * kBlockTokens;
}

uint32_t* KvBlocks::values(int64_t layer, int64_t block, int64_t head) {
  return keys(layer, block, head) + head_dim_ / 2 * kBlockTokens;
}

void PagedAttention::store(KvBlocks& cache, int64_t layer, const Tensor& k, const Tensor& v,
                           const std::vector<KvSegment>& segments) {
  const Stored stored(cache, layer, k, v);
  at::parallel_for(0, cache.kv_heads(), 1, [&](int64_t begin, int64_t end) {
    for (int64_t head = begin; head < end; ++head) {
      for (size_t s = 0; s < segments.size(); ++s) {
        if (s + 1 < segments.size()) stored.fetch_first(segments[s + 1], head);
        stored.store(segments[s], head);
      }
    }
  });
}

Tensor PagedAttention::forward(KvBlocks& cache, int64_t layer, const Tensor& q,
                               const std::vector<KvSegment>& segments, double scale) {
  return attend_all(cache, layer, q, nullptr, segments, scale);
}

Tensor PagedAttention::extend(KvBlocks& cache, int64_t layer, const Tensor& q, const Tensor& k,
                              const Tensor& v, const std::vector<KvSegment>& segments, double scale) {
  const Stored stored(cache, layer, k, v);
  return attend_all(cache, layer, q, &stored, segments, scale);
}

Tensor PagedAttention::plain(KvBlocks& cache, int64_t layer, const Tensor& q,
                             const std::vector<KvSegment>& segments, double scale) {
  const int64_t group = q.size(1) / cache.kv_heads();
  Tensor out = at::zeros_like(q);
  for (const KvSegment& segment : segments) {
    const int64_t length = segment.start + segment.count;
    const Tensor hidden = at::ones({segment.count, length}, at::kBool).triu(segment.start + 1);
    for (int64_t head = 0; head < q.size(1); ++head) {
      const Tensor k = gathered(cache, layer, segment, head / group, true).to(at::kFloat);
      const Tensor v = gathered(cache, layer, segment, head / group, false).to(at::kFloat);
      const Tensor rows = q.narrow(0, segment.first, segment.count).select(1, head).to(at::kFloat);
      const Tensor scores = (at::mm(rows, k.t()) * scale).masked_fill(hidden, -INFINITY);
      out.narrow(0, segment.first, segment.count).select(1, head).copy_(at::mm(at::softmax(scores, -1), v));
    }
  }
  return out;
}

}  // namespace swift::ops
