#include "ops/gemm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/panel_pack.h"
#include "ops/panel_product.h"

namespace swift::ops {
namespace {

using c10::BFloat16;

// Rows of the result that one micro-kernel call covers.
constexpr int64_t kRows = 64;
// How a thread cuts the weights: reduction of one packed panel, and the panels it packs at a time. Both sizes
// stay within half of L2.
struct Blocking {
  int64_t depth;
  int64_t panels;
};
// Rows of w are read from end to end.
constexpr Blocking kTransposed = {3072, 1};
// Each row of w gives a piece as wide as the panels, so they are many and shallow.
constexpr Blocking kInterleaved = {512, 4};

[[gnu::target_clones("arch=skylake-avx512", "avx2", "default")]] void round_rows(
    const float* in, int64_t in_stride, const float* gain, const float* bias, BFloat16* out, int64_t rows,
    int64_t columns, int64_t out_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    auto* target = reinterpret_cast<uint16_t*>(out + r * out_stride);
    for (int64_t c = 0; c < columns; ++c) {
      const float value = in[r * in_stride + c] * gain[c] + bias[c];
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      // Round to nearest, ties to even; NaN keeps a set mantissa bit.
      const uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
      target[c] = static_cast<uint16_t>((bits & 0x7FFFFFFFU) > 0x7F800000U ? (bits >> 16 | 0x40U) : rounded);
    }
  }
}

struct ProductShape {
  int64_t rows;       // m
  int64_t columns;    // of the result
  int64_t reduction;  // even
  int64_t stride;     // elements from one row of the left factor to the next
};

// A second product that is added to the first: (rows, rank) times a (rank, columns) factor. rank is even, 0
// for none.
struct Addend {
  const BFloat16* left = nullptr;
  int64_t rank = 0;
};

uint32_t* words(const at::Tensor& memory) {
  return reinterpret_cast<uint32_t*>(memory.data_ptr<int32_t>());
}

// Rows that share the packed panels with those of the result; their products lie behind the result's.
struct MoreRows {
  const BFloat16* data = nullptr;  // (count, reduction)
  int64_t count = 0;
};

// tile (rows, panels * kPanel) (+)= a (rows, lda), columns [0, depth), times the packed panels.
void multiply(const BFloat16* a, int64_t lda, int64_t rows, int64_t depth, int64_t panels,
              const uint32_t* packed, float* tile, bool add) {
  for (int64_t row = 0; row < rows; row += kRows) {
    for (int64_t p = 0; p < panels; ++p) {
      panel_product({std::min(kRows, rows - row), kPanel, depth, a + row * lda, lda,
                     packed + p * depth / 2 * kPanel, kPanel, tile + row * panels * kPanel + p * kPanel,
                     panels * kPanel, add});
    }
  }
}

// The result's columns in groups of panels, a group a thread. pack(first column, columns, first pair, pairs,
// panel) lays one panel, pack_addend(first column, columns, panel) one of the addend; store(tile, stride,
// first column, columns) takes the fp32 sums of a group, (rows + more.count, stride).
template <class Pack, class PackAddend, class Store>
void by_panels(const BFloat16* a, const ProductShape& shape, const Blocking& blocking, const Pack& pack,
               const Addend& addend, const PackAddend& pack_addend, const MoreRows& more,
               const Store& store) {
  const int64_t all = (shape.columns + kPanel - 1) / kPanel;
  const int64_t group = std::clamp<int64_t>(all / at::get_num_threads(), 1, blocking.panels);
  const int64_t depth = std::min(shape.reduction, blocking.depth);
  at::parallel_for(0, (all + group - 1) / group, 1, [&](int64_t begin, int64_t end) {
    // ATen's memory begins at a cache line: a row of a matrix tile that crosses two costs twice the time.
    const at::Tensor panel_memory = at::empty({std::max(depth, addend.rank) / 2 * group * kPanel}, at::kInt);
    const at::Tensor tile_memory = at::empty({(shape.rows + more.count) * group * kPanel}, at::kFloat);
    uint32_t* packed = words(panel_memory);
    float* tile = tile_memory.data_ptr<float>();
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index * group * kPanel;
      const int64_t width = std::min(group * kPanel, shape.columns - first);
      const int64_t panels = (width + kPanel - 1) / kPanel;
      const auto each = [&](int64_t pairs, const auto& lay) {
        for (int64_t p = 0; p < panels; ++p)
          lay(first + p * kPanel, std::min(kPanel, width - p * kPanel), packed + p * pairs * kPanel);
      };
      for (int64_t at = 0; at < shape.reduction; at += depth) {
        const int64_t here = std::min(depth, shape.reduction - at);
        each(here / 2, [&](int64_t column, int64_t count, uint32_t* panel) {
          pack(column, count, at / 2, here / 2, panel);
        });
        multiply(a + at, shape.stride, shape.rows, here, panels, packed, tile, at > 0);
        if (more.count > 0)
          multiply(more.data + at, shape.reduction, more.count, here, panels, packed,
                   tile + shape.rows * panels * kPanel, at > 0);
      }
      if (addend.rank > 0) {
        each(addend.rank / 2, pack_addend);
        multiply(addend.left, addend.rank, shape.rows, addend.rank, panels, packed, tile, true);
      }
      store(tile, panels * kPanel, first, width);
    }
    release_panel_products();
  });
}

// Lays w (n, k) for x · w^T.
auto transposed(const BFloat16* w, int64_t k) {
  return [w, k](int64_t column, int64_t count, int64_t pair, int64_t pairs, uint32_t* panel) {
    pack_transposed(reinterpret_cast<const uint32_t*>(w + column * k) + pair, k / 2, count, pairs, panel);
  };
}

// Lays w (n, k) for dy · w.
auto interleaved(const BFloat16* w, int64_t k) {
  return [w, k](int64_t column, int64_t count, int64_t pair, int64_t pairs, uint32_t* panel) {
    pack_interleaved(reinterpret_cast<const uint16_t*>(w + 2 * pair * k + column), k, count, pairs, panel);
  };
}

constexpr auto kNothing = [](int64_t, int64_t, uint32_t*) {};

}  // namespace

bool has_panel_gemm() {
  return has_vector_bf16();
}

void gemm_nt(const BFloat16* x, const BFloat16* w, const BFloat16* bias, BFloat16* y, int64_t m, int64_t n,
             int64_t k, const LowRankTerm& update, const ColumnGain& scaling) {
  std::vector<float> wide_bias(static_cast<size_t>(n), 0.0F), gain(static_cast<size_t>(n), 1.0F);
  if (bias != nullptr) std::copy(bias, bias + n, wide_bias.begin());
  const auto pack_update = [&](int64_t column, int64_t count, uint32_t* panel) {
    transposed(update.right, update.rank)(column, count, 0, update.rank / 2, panel);
  };
  by_panels(x, {m, n, k, k}, kTransposed, transposed(w, k), {update.left, update.rank}, pack_update,
            {scaling.rows, scaling.count},
            [&](const float* tile, int64_t stride, int64_t first, int64_t width) {
              if (scaling.gain) scaling.gain(tile + m * stride, stride, first, width, gain.data() + first);
              round_rows(tile, stride, gain.data() + first, wide_bias.data() + first, y + first, m, width, n);
            });
}

void gemm_nt_f32(const BFloat16* x, const BFloat16* w, float* y, int64_t m, int64_t n, int64_t k) {
  by_panels(x, {m, n, k, k}, kTransposed, transposed(w, k), {}, kNothing, {},
            [&](const float* tile, int64_t stride, int64_t first, int64_t width) {
              for (int64_t r = 0; r < m; ++r)
                std::copy(tile + r * stride, tile + r * stride + width, y + r * n + first);
            });
}

void gemm_nn(const BFloat16* dy, const BFloat16* w, BFloat16* dx, int64_t m, int64_t n, int64_t k,
             const LowRankTerm& update, int64_t dy_stride) {
  const auto most = static_cast<size_t>(kInterleaved.panels * kPanel);
  const std::vector<float> no_bias(most, 0.0F), no_gain(most, 1.0F);
  const auto pack_update = [&](int64_t column, int64_t count, uint32_t* panel) {
    interleaved(update.right, k)(column, count, 0, update.rank / 2, panel);
  };
  by_panels(dy, {m, k, n, dy_stride > 0 ? dy_stride : n}, kInterleaved, interleaved(w, k),
            {update.left, update.rank}, pack_update, {},
            [&](const float* tile, int64_t stride, int64_t first, int64_t width) {
              round_rows(tile, stride, no_gain.data(), no_bias.data(), dx + first, m, width, k);
            });
}

}  // namespace swift::ops
