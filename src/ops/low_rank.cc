#include "ops/low_rank.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>

#include "ops/lanes.h"
#include "ops/panel_pack.h"
#include "ops/panel_product.h"

namespace swift::ops {
namespace {

using at::BFloat16;
using at::Tensor;

// Rows that one micro-kernel call covers; few, so that short batches spread over the threads.
constexpr int64_t kRows = 32;

const uint16_t* bits(const Tensor& t) {
  return reinterpret_cast<const uint16_t*>(t.const_data_ptr<BFloat16>());
}

// scale · x (tokens, depth) · factor, whose pairs of rows are interleaved: packed[pair][rank].
Tensor project(const Tensor& x, const Tensor& packed, int64_t rank, double scale) {
  const int64_t tokens = x.size(0), depth = x.size(1);
  Tensor h = at::empty({tokens, rank}, x.options());
  const auto* in = x.const_data_ptr<BFloat16>();
  const auto* factor = reinterpret_cast<const uint32_t*>(packed.const_data_ptr<int32_t>());
  auto* out = h.data_ptr<BFloat16>();
  at::parallel_for(0, (tokens + kRows - 1) / kRows, 1, [&](int64_t begin, int64_t end) {
    const Tensor tile_memory = at::empty({kRows * rank}, at::kFloat);
    auto* tile = tile_memory.data_ptr<float>();
    for (int64_t block = begin; block < end; ++block) {
      const int64_t row = block * kRows, height = std::min(kRows, tokens - row);
      panel_product({height, rank, depth, in + row * depth, depth, factor, rank, tile, rank, false});
      for_lanes(0, height * rank, [&](int64_t i, int64_t n) {
        store(out + row * rank + i, load(tile + i, n) * static_cast<float>(scale), n);
      });
    }
    release_panel_products();
  });
  return h;
}

// h (tokens, rank) as (rank, pairs · 2), zero beyond the last token.
Tensor transposed_even(const Tensor& h) {
  const int64_t tokens = h.size(0), rank = h.size(1), even = (tokens + 1) / 2 * 2;
  Tensor t = at::empty({rank, even}, h.options());
  const uint16_t* in = bits(h);
  auto* out = reinterpret_cast<uint16_t*>(t.data_ptr<BFloat16>());
  for (int64_t r = 0; r < rank; ++r) {
    for (int64_t i = 0; i < tokens; ++i) out[r * even + i] = in[i * rank + r];
    if (even != tokens) out[r * even + tokens] = 0;
  }
  return t;
}

// Tokens [0, tokens) of columns [0, count) of x as a panel; an odd last token is paired with zero.
void pack_tokens(const uint16_t* x, int64_t row_length, int64_t count, int64_t tokens, uint32_t* panel) {
  pack_interleaved(x, row_length, count, tokens / 2, panel);
  if (tokens % 2 == 0) return;
  const uint16_t* last = x + (tokens - 1) * row_length;
  for (int64_t c = 0; c < count; ++c) panel[tokens / 2 * kPanel + c] = last[c];
}

}  // namespace

Tensor even_rank(const Tensor& factor, int64_t rank_axis) {
  const Tensor narrow = factor.to(at::kBFloat16).contiguous();
  if (factor.size(rank_axis) % 2 == 0) return narrow;
  std::vector<int64_t> shape = factor.sizes().vec();
  shape[static_cast<size_t>(rank_axis)] = 1;
  return at::cat({narrow, at::zeros(shape, narrow.options())}, rank_axis);
}

Tensor project_down(const Tensor& x, const Tensor& a, double scale) {
  const int64_t rank = a.size(0), pairs = a.size(1) / 2;
  const Tensor packed = at::empty({pairs, rank}, at::kInt);
  auto* out = packed.data_ptr<int32_t>();
  const uint16_t* in = bits(a);
  for (int64_t r = 0; r < rank; ++r) {
    for (int64_t p = 0; p < pairs; ++p)
      std::memcpy(out + p * rank + r, in + r * a.size(1) + 2 * p, sizeof(uint32_t));
  }
  return project(x, packed, rank, scale);
}

Tensor project_back(const Tensor& dy, const Tensor& b, double scale) {
  const int64_t rank = b.size(1), pairs = b.size(0) / 2;
  const Tensor packed = at::empty({pairs, rank}, at::kInt);
  auto* out = reinterpret_cast<uint32_t*>(packed.data_ptr<int32_t>());
  const uint16_t* in = bits(b);
  for (int64_t p = 0; p < pairs; ++p) {
    const uint16_t* pair = in + 2 * p * rank;
    for (int64_t r = 0; r < rank; ++r) out[p * rank + r] = uint32_t{pair[r]} | uint32_t{pair[rank + r]} << 16;
  }
  return project(dy, packed, rank, scale);
}

Tensor sum_outer(const Tensor& h, const Tensor& x, int64_t rank, bool transposed) {
  const int64_t tokens = x.size(0), n = x.size(1), rows = h.size(1);
  const Tensor left = transposed_even(h);  // (rows, even tokens)
  const int64_t depth = left.size(1);
  Tensor sums = at::empty(transposed ? std::vector{n, rank} : std::vector{rank, n}, at::kFloat);
  float* out = sums.data_ptr<float>();
  at::parallel_for(0, (n + kPanel - 1) / kPanel, 1, [&](int64_t begin, int64_t end) {
    const Tensor panel_memory = at::empty({depth / 2 * kPanel}, at::kInt);
    const Tensor tile_memory = at::empty({rows * kPanel}, at::kFloat);
    auto* panel = reinterpret_cast<uint32_t*>(panel_memory.data_ptr<int32_t>());
    auto* tile = tile_memory.data_ptr<float>();
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index * kPanel, width = std::min(kPanel, n - first);
      pack_tokens(bits(x) + first, n, width, tokens, panel);
      panel_product(
          {rows, kPanel, depth, left.const_data_ptr<BFloat16>(), depth, panel, kPanel, tile, kPanel, false});
      for (int64_t r = 0; r < rank; ++r) {
        const float* row = tile + r * kPanel;
        if (!transposed) {
          std::copy(row, row + width, out + r * n + first);
          continue;
        }
        for (int64_t c = 0; c < width; ++c) out[(first + c) * rank + r] = row[c];
      }
    }
    release_panel_products();
  });
  return sums;
}

}  // namespace swift::ops
