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

#include "ops/code_expand.h"
#include "ops/cpu_level.h"
#include "ops/matrix_tiles.h"

namespace swift::ops {
namespace {

#define SWIFT_INT8 \
  [[gnu::target("amx-tile,amx-int8,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni")]]

constexpr int64_t kBlockRows = 2 * kTileHeight;
constexpr int64_t kVectorRows = 4;
constexpr int64_t kAheadBytes = 6144;  // codes are fetched this far before they are read

// sums (+)= scale * x's scale * (products - zero * x's total), for sixteen outputs.
SWIFT_INT8 void add_scaled(const CodeLayout& layout, int64_t scale, const int32_t* products, int64_t rows,
                           const float* scales, const int32_t* totals, bool add, CodeSums sums) {
  const __m512 by = load_scales(layout, scale);
  __m512i zero = _mm512_set1_epi32(1 << (layout.bits - 1));
  if (layout.zeros != nullptr) {
    const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(layout.zeros + scale));
    zero = _mm512_add_epi32(zero, _mm512_cvtepi8_epi32(bytes));
  }
  for (int64_t r = 0; r < rows; ++r) {
    float* to = sums.data + r * sums.stride;
    const int64_t at = r * layout.chunks();
    const __m512i off = _mm512_mullo_epi32(zero, _mm512_set1_epi32(totals[at]));
    const __m512i whole = _mm512_sub_epi32(_mm512_loadu_si512(products + r * kCodePanel), off);
    const __m512 before = add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
    const __m512 factor = _mm512_mul_ps(by, _mm512_set1_ps(scales[at]));
    _mm512_storeu_ps(to, _mm512_fmadd_ps(factor, _mm512_cvtepi32_ps(whole), before));
  }
}

// Products of one chunk, (rows, kCodePanel), added to the sums of a panel.
SWIFT_INT8 void add_chunk(const CodeLayout& layout, const Int8Input& x, int64_t row, int64_t rows,
                          int64_t panel, int64_t c, const int32_t* products, CodeSums sums) {
  const int64_t at = row * layout.chunks() + c, scale = layout.scale_index(panel, c);
  for (int64_t half = 0; half < 2; ++half) {
    add_scaled(layout, scale + 16 * half, products + 16 * half, rows, x.scales + at, x.totals + at, c > 0,
               {sums.data + 16 * half, sums.stride});
  }
}

// 4-bit codes of a chunk to bytes, in the same order.
SWIFT_INT8 void expand(const uint8_t* codes, int64_t bytes, uint8_t* out) {
  const __m512i low = _mm512_set1_epi8(15);
  for (int64_t i = 0; i < bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(codes) + i + kAheadBytes, _MM_HINT_T0);
    const __m512i both = _mm512_load_si512(codes + i);
    _mm512_store_si512(out + 2 * i, _mm512_and_si512(both, low));
    _mm512_store_si512(out + 2 * i + 64, _mm512_and_si512(_mm512_srli_epi16(both, 4), low));
  }
}

// right: (steps, 2) tiles. upper, lower: tiles of the rows.
template <bool Lower>
SWIFT_INT8 void walk(const int8_t* upper, const int8_t* lower, int64_t upper_step, int64_t lower_step,
                     const uint8_t* right, const CodeLayout& layout, int32_t* products) {
  const int64_t tile = 16 * layout.step;
  _tile_zero(0);
  _tile_zero(1);
  if (Lower) _tile_zero(2);
  if (Lower) _tile_zero(3);
  for (int64_t step = 0; step < layout.chunk / layout.step; ++step) {
    _tile_loadd(4, upper + step * upper_step, layout.step);
    _tile_loadd(6, right + 2 * step * tile, 64);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, right + (2 * step + 1) * tile, 64);
    _tile_dpbsud(1, 4, 7);
    if (Lower) {
      _tile_loadd(5, lower + step * lower_step, layout.step);
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

template <int Bits, int Rows>
SWIFT_INT8 void vector_chunk(const CodeLayout& layout, const uint8_t* codes, const int8_t* x,
                             int32_t* products) {
  constexpr int64_t kInputs = Bits == 4 ? 8 : 4;  // of 64 bytes of codes
  const __m512i low = _mm512_set1_epi8(15);
  __m512i sums[2][Rows];
  for (auto& half : sums) {
    for (auto& sum : half) sum = _mm512_setzero_si512();
  }
  const auto* block = codes;
  for (int64_t step = 0; step < layout.chunk; step += layout.step) {
    for (int64_t input = 0; input < layout.step; input += kInputs) {
      for (int half = 0; half < 2; ++half) {
        const uint8_t* bytes = block + half * layout.block_bytes() + input / kInputs * 64;
        _mm_prefetch(reinterpret_cast<const char*>(bytes) + kAheadBytes, _MM_HINT_T0);
        const __m512i both = _mm512_load_si512(bytes);
        const __m512i first = Bits == 4 ? _mm512_and_si512(both, low) : both;
        const __m512i second = _mm512_and_si512(_mm512_srli_epi16(both, 4), low);
        for (int r = 0; r < Rows; ++r) {
          int32_t four;
          const int8_t* from = x + r * layout.inputs + step + input;
          std::memcpy(&four, from, sizeof four);
          sums[half][r] = _mm512_dpbusd_epi32(sums[half][r], first, _mm512_set1_epi32(four));
          if (Bits == 4) {
            std::memcpy(&four, from + 4, sizeof four);
            sums[half][r] = _mm512_dpbusd_epi32(sums[half][r], second, _mm512_set1_epi32(four));
          }
        }
      }
    }
    block += 2 * layout.block_bytes();
  }
  for (int r = 0; r < Rows; ++r) {
    _mm512_storeu_si512(products + r * kCodePanel, sums[0][r]);
    _mm512_storeu_si512(products + r * kCodePanel + 16, sums[1][r]);
  }
}

using VectorChunk = void (*)(const CodeLayout&, const uint8_t*, const int8_t*, int32_t*);
template <int Bits>
constexpr std::array<VectorChunk, kVectorRows> kVectorChunks = {vector_chunk<Bits, 1>, vector_chunk<Bits, 2>,
                                                                vector_chunk<Bits, 3>, vector_chunk<Bits, 4>};

#undef SWIFT_INT8

}  // namespace

bool has_vector_int8() {
  static const bool able = beyond_avx2() && __builtin_cpu_supports("avx512vnni") > 0 &&
                           __builtin_cpu_supports("avx512bf16") > 0 && __builtin_cpu_supports("avx512bw") > 0;
  return able;
}

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

void Int8Tiles::product(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                        int64_t panel, CodeSums sums) {
  const int64_t steps = layout.chunk / layout.step;
  for (int64_t c = 0; c < layout.chunks(); ++c) {
    const uint8_t* right = layout.chunk_codes(panel, c);
    if (layout.bits == 4) expand(right, layout.chunk_bytes(), expanded_.data()), right = expanded_.data();
    for (int64_t row = first; row < first + count; row += kBlockRows) {
      const int64_t rows = std::min(kBlockRows, first + count - row), upper = std::min(rows, kTileHeight);
      // A weight has one step; this object may serve only one weight.
      if (rows != rows_) configure_tiles(rows_ = rows, layout.step);
      const int64_t upper_step = upper * layout.step, lower_step = (rows - upper) * layout.step;
      const int8_t* above = x.tiles + row * layout.inputs + c * steps * upper_step;
      const int8_t* below = x.tiles + (row + upper) * layout.inputs + c * steps * lower_step;
      (rows > kTileHeight ? walk<true> : walk<false>)(above, below, upper_step, lower_step, right, layout,
                                                      products_.data());
      add_chunk(layout, x, row, rows, panel, c, products_.data(),
                {sums.data + (row - first) * sums.stride, sums.stride});
    }
  }
}

void int8_product_vector(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                         int64_t panel, CodeSums sums) {
  alignas(64) std::array<int32_t, kVectorRows * kCodePanel> products;
  for (int64_t row = first; row < first + count; row += kVectorRows) {
    const int64_t rows = std::min(kVectorRows, first + count - row);
    const auto at = static_cast<size_t>(rows - 1);
    const VectorChunk multiply = layout.bits == 4 ? kVectorChunks<4>[at] : kVectorChunks<8>[at];
    for (int64_t c = 0; c < layout.chunks(); ++c) {
      multiply(layout, layout.chunk_codes(panel, c), x.codes + row * layout.inputs + c * layout.chunk,
               products.data());
      add_chunk(layout, x, row, rows, panel, c, products.data(),
                {sums.data + (row - first) * sums.stride, sums.stride});
    }
  }
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
