#include "ops/code_int8.h"

// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "ops/code_int8_scale.h"
#include "ops/code_kernels.h"
#include "ops/cpu_level.h"
#include "ops/matrix_tiles.h"

namespace swift::ops {
namespace {

#define SWIFT_INT8 \
  [[gnu::target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni")]]

constexpr int64_t kBlockRows = 2 * kTileHeight;

// Products of one chunk, (rows, kCodePanel), added to the sums of a panel.
SWIFT_INT8 void add_chunk(const CodeLayout& layout, const Int8Input& x, int64_t row, int64_t rows,
                          int64_t panel, int64_t c, const int32_t* products, CodeSums sums) {
  for (int64_t half = 0; half < 2; ++half) {
    const Int8Scale by = int8_scale(layout, layout.scale_index(panel, c) + 16 * half);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t at = (row + r) * layout.chunks() + c;
      add_int8(by, _mm512_loadu_si512(products + r * kCodePanel + 16 * half), x.scales[at], x.totals[at],
               c > 0, sums.data + r * sums.stride + 16 * half);
    }
  }
}

// 4-bit codes of a chunk to bytes: [half][inputs / 4][16][4]. The lines of the next chunk are fetched.
SWIFT_INT8 void unpack(const CodeLayout& layout, int64_t panel, int64_t chunk, uint8_t* out) {
  const __m512i low = _mm512_set1_epi8(15);
  const int64_t stride = layout.line_stride(panel), lines = layout.chunk / layout.line_inputs();
  const uint8_t* line = layout.chunk_codes(panel, chunk);
  for (int64_t l = 0; l < lines; ++l, line += stride) {
    for (int64_t half = 0; half < 2; ++half) {
      const uint8_t* from = line + half * kCodeLine;
      _mm_prefetch(reinterpret_cast<const char*>(from) + lines * stride, _MM_HINT_T0);
      const __m512i both = _mm512_load_si512(from);
      uint8_t* to = out + (half * lines + l) * 2 * kCodeLine;
      _mm512_store_si512(to, _mm512_and_si512(both, low));
      _mm512_store_si512(to + kCodeLine, _mm512_and_si512(_mm512_srli_epi16(both, 4), low));
    }
  }
}

// Bytes of codes, 4 inputs of 16 outputs a row of the tiles.
struct Right {
  const uint8_t* first;   // outputs 0 to 15
  const uint8_t* second;  // outputs 16 to 31
  int64_t stride;         // from a row to the next
};

// upper, lower: tiles of the rows.
template <bool Lower>
SWIFT_INT8 void walk(const int8_t* upper, const int8_t* lower, int64_t upper_step, int64_t lower_step,
                     const Right& right, int64_t chunk, int64_t step, int32_t* products) {
  _tile_zero(0);
  _tile_zero(1);
  if (Lower) _tile_zero(2);
  if (Lower) _tile_zero(3);
  for (int64_t i = 0; i < chunk / step; ++i) {
    const int64_t at = i * step / 4 * right.stride;
    _tile_loadd(4, upper + i * upper_step, step);
    _tile_loadd(6, right.first + at, right.stride);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, right.second + at, right.stride);
    _tile_dpbsud(1, 4, 7);
    if (Lower) {
      _tile_loadd(5, lower + i * lower_step, step);
      _tile_dpbsud(2, 5, 6);
      _tile_dpbsud(3, 5, 7);
    }
  }
  constexpr int64_t kRowBytes = kCodePanel * 4;
  _tile_stored(0, products, kRowBytes);
  _tile_stored(1, products + 16, kRowBytes);
  if (Lower) _tile_stored(2, products + kTileHeight * kCodePanel, kRowBytes);
  if (Lower) _tile_stored(3, products + kTileHeight * kCodePanel + 16, kRowBytes);
}

#undef SWIFT_INT8

}  // namespace

bool has_int8_tiles() {
  static const bool able = [] {
    unsigned a = 0, b = 0, c = 0, d = 0;
    constexpr unsigned kInt8 = 1U << 25U;
    return has_matrix_tiles() && has_vector_int8() && __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 &&
           (d & kInt8) != 0;
  }();
  return able;
}

Int8Tiles::~Int8Tiles() {
  if (rows_ > 0) release_tiles();
}

int64_t int8_tile_step(const CodeLayout& layout) {
  return layout.chunk % (2 * kCodeStep) == 0 ? 2 * kCodeStep : kCodeStep;
}

void Int8Tiles::product(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                        PanelRange panels, CodeSums sums) {
  const int64_t step = int8_tile_step(layout), steps = layout.chunk / step;
  for_panel_groups(layout, panels, [&](int64_t begin, int64_t end, int64_t c) {
    for (int64_t panel = begin; panel < end; ++panel) {
      const uint8_t* line = layout.chunk_codes(panel, c);
      Right right{line, line + kCodeLine, layout.line_stride(panel)};
      if (layout.bits() == 4) {
        unpack(layout, panel, c, unpacked_.data());
        right = {unpacked_.data(), unpacked_.data() + layout.chunk * kCodePanel / 2, kCodeLine};
      }
      for (int64_t row = first; row < first + count; row += kBlockRows) {
        const int64_t rows = std::min(kBlockRows, first + count - row), upper = std::min(rows, kTileHeight);
        // A weight has one step; this object may serve only one weight.
        if (rows != rows_) configure_tiles(rows_ = rows, step);
        const int64_t upper_step = upper * step, lower_step = (rows - upper) * step;
        const int8_t* above = x.tiles + row * layout.inputs + c * steps * upper_step;
        const int8_t* below = x.tiles + (row + upper) * layout.inputs + c * steps * lower_step;
        (rows > kTileHeight ? walk<true> : walk<false>)(above, below, upper_step, lower_step, right,
                                                        layout.chunk, step, products_.data());
        float* to = sums.data + (row - first) * sums.stride + (panel - panels.begin) * kCodePanel;
        add_chunk(layout, x, row, rows, panel, c, products_.data(), {to, sums.stride});
      }
    }
  });
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
