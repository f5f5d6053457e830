#include "ops/gemm.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/native/CPUBlas.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/panel_pack.h"

namespace swift::ops {
namespace {

using c10::BFloat16;

// Rows of the result that one micro-kernel call covers.
constexpr int64_t kRows = 64;

[[gnu::target_clones("arch=skylake-avx512", "avx2", "default")]] void round_rows(
    const float* in, const float* bias, BFloat16* out, int64_t rows, int64_t columns, int64_t out_stride) {
  for (int64_t r = 0; r < rows; ++r) {
    auto* target = reinterpret_cast<uint16_t*>(out + r * out_stride);
    for (int64_t c = 0; c < columns; ++c) {
      const float value = in[r * kPanel + c] + bias[c];
      uint32_t bits;
      std::memcpy(&bits, &value, sizeof bits);
      // Round to nearest, ties to even; NaN keeps a set mantissa bit.
      const uint32_t rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
      target[c] = static_cast<uint16_t>((bits & 0x7FFFFFFFU) > 0x7F800000U ? (bits >> 16 | 0x40U) : rounded);
    }
  }
}

struct PanelShape {
  int64_t rows;       // m
  int64_t columns;    // of the result
  int64_t reduction;  // even
};

// Runs pack(panel index) once per panel, then every block of rows against it; store() takes the fp32 tile.
template <class Pack, class Store>
void by_panels(const BFloat16* a, const PanelShape& shape, const Pack& pack, const Store& store) {
  const int64_t panels = (shape.columns + kPanel - 1) / kPanel;
  at::parallel_for(0, panels, 1, [&](int64_t begin, int64_t end) {
    // ATen's memory begins at a cache line: a row of a matrix tile that crosses two costs twice the time.
    const at::Tensor panel_memory = at::empty({shape.reduction / 2 * kPanel}, at::kInt);
    const at::Tensor tile_memory = at::empty({kRows * kPanel}, at::kFloat);
    auto* panel = reinterpret_cast<uint32_t*>(panel_memory.data_ptr<int32_t>());
    auto* tile = tile_memory.data_ptr<float>();
    for (int64_t index = begin; index < end; ++index) {
      const int64_t first = index * kPanel;
      const int64_t width = std::min(kPanel, shape.columns - first);
      pack(first, width, panel);
      for (int64_t row = 0; row < shape.rows; row += kRows) {
        const int64_t height = std::min(kRows, shape.rows - row);
        at::native::cpublas::brgemm(height, width, shape.reduction, shape.reduction, kPanel, kPanel, false,
                                    a + row * shape.reduction, reinterpret_cast<const BFloat16*>(panel), tile,
                                    true);
        store(tile, row, height, first, width);
      }
    }
    at::native::cpublas::brgemm_release();
  });
}

}  // namespace

bool has_panel_gemm() {
  static const bool able = at::native::cpublas::could_pack(at::kBFloat16) && has_vector_bf16();
  return able;
}

void gemm_nt(const BFloat16* x, const BFloat16* w, const BFloat16* bias, BFloat16* y, int64_t m, int64_t n,
             int64_t k) {
  std::vector<float> wide_bias(static_cast<size_t>(n), 0.0F);
  if (bias != nullptr) std::copy(bias, bias + n, wide_bias.begin());
  by_panels(
      x, {m, n, k},
      [&](int64_t first, int64_t width, uint32_t* panel) {
        pack_transposed(reinterpret_cast<const uint32_t*>(w + first * k), k / 2, width, k / 2, panel);
      },
      [&](const float* tile, int64_t row, int64_t height, int64_t first, int64_t width) {
        round_rows(tile, wide_bias.data() + first, y + row * n + first, height, width, n);
      });
}

void gemm_nt_f32(const BFloat16* x, const BFloat16* w, float* y, int64_t m, int64_t n, int64_t k) {
  by_panels(
      x, {m, n, k},
      [&](int64_t first, int64_t width, uint32_t* panel) {
        pack_transposed(reinterpret_cast<const uint32_t*>(w + first * k), k / 2, width, k / 2, panel);
      },
      [&](const float* tile, int64_t row, int64_t height, int64_t first, int64_t width) {
        for (int64_t r = 0; r < height; ++r) {
          std::copy(tile + r * kPanel, tile + r * kPanel + width, y + (row + r) * n + first);
        }
      });
}

void gemm_nn(const BFloat16* dy, const BFloat16* w, BFloat16* dx, int64_t m, int64_t n, int64_t k) {
  const std::vector<float> no_bias(static_cast<size_t>(kPanel), 0.0F);
  by_panels(
      dy, {m, k, n},
      [&](int64_t first, int64_t width, uint32_t* panel) {
        pack_interleaved(reinterpret_cast<const uint16_t*>(w + first), k, width, n / 2, panel);
      },
      [&](const float* tile, int64_t row, int64_t height, int64_t first, int64_t width) {
        round_rows(tile, no_bias.data(), dx + row * k + first, height, width, k);
      });
}

}  // namespace swift::ops
