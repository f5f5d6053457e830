#include "ops/panel_pack.h"

// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <array>

namespace swift::ops {
namespace {

constexpr int64_t kTile = 16;  // words: one cache line
constexpr int64_t kAhead = 8;  // pairs of rows that are fetched before they are needed

// 16 x 16 words: rows of `in` become columns of `out`.
[[gnu::target("avx512f")]] void transpose_tile(const uint32_t* in, int64_t in_stride, uint32_t* out,
                                               int64_t out_stride) {
  __m512i r[16], t[16];
  for (size_t i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(in + static_cast<int64_t>(i) * in_stride);
  for (size_t i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (size_t i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
  // r[4 g + c] holds, in lane l, column 4 l + c of rows 4 g to 4 g + 3.
  for (size_t c = 0; c < 4; ++c) {
    const __m512i low01 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0x88);
    const __m512i high01 = _mm512_shuffle_i32x4(r[c], r[4 + c], 0xDD);
    const __m512i low23 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0x88);
    const __m512i high23 = _mm512_shuffle_i32x4(r[8 + c], r[12 + c], 0xDD);
    const auto column = static_cast<int64_t>(c);
    _mm512_storeu_si512(out + column * out_stride, _mm512_shuffle_i32x4(low01, low23, 0x88));
    _mm512_storeu_si512(out + (8 + column) * out_stride, _mm512_shuffle_i32x4(low01, low23, 0xDD));
    _mm512_storeu_si512(out + (4 + column) * out_stride, _mm512_shuffle_i32x4(high01, high23, 0x88));
    _mm512_storeu_si512(out + (12 + column) * out_stride, _mm512_shuffle_i32x4(high01, high23, 0xDD));
  }
}

}  // namespace

void pack_transposed(const uint32_t* w, int64_t row_words, int64_t columns, int64_t pairs, uint32_t* panel,
                     int64_t stride) {
  // Sixteen rows at a time, each read from its beginning to its end: so many streams the processor follows by
  // itself.
  for (int64_t c0 = 0; c0 < columns; c0 += kTile) {
    const int64_t c1 = std::min(columns, c0 + kTile);
    for (int64_t p0 = 0; p0 < pairs; p0 += kTile) {
      const int64_t p1 = std::min(pairs, p0 + kTile);
      if (p1 - p0 == kTile && c1 - c0 == kTile) {
        transpose_tile(w + c0 * row_words + p0, row_words, panel + p0 * stride + c0, stride);
        continue;
      }
      for (int64_t p = p0; p < p1; ++p) {
        for (int64_t c = c0; c < c1; ++c) panel[p * stride + c] = w[c * row_words + p];
      }
    }
  }
}

[[gnu::target("avx512f,avx512bw")]] void pack_interleaved(const uint16_t* w, int64_t row_length,
                                                          int64_t columns, int64_t pairs, uint32_t* panel,
                                                          int64_t stride) {
  alignas(64) std::array<uint16_t, 32> first{}, second{};
  for (uint16_t i = 0; i < 16; ++i) {
    first[2 * i] = i, first[2 * i + 1] = static_cast<uint16_t>(32 + i);
    second[2 * i] = static_cast<uint16_t>(16 + i), second[2 * i + 1] = static_cast<uint16_t>(48 + i);
  }
  const __m512i low_half = _mm512_load_si512(first.data()), high_half = _mm512_load_si512(second.data());
  for (int64_t p = 0; p < pairs; ++p) {
    const uint16_t* low = w + 2 * p * row_length;
    const uint16_t* high = low + row_length;
    uint32_t* out = panel + p * stride;
    int64_t c = 0;
    for (; c + 32 <= columns; c += 32) {
      __builtin_prefetch(low + 2 * kAhead * row_length + c);
      __builtin_prefetch(high + 2 * kAhead * row_length + c);
      const __m512i a = _mm512_loadu_si512(low + c), b = _mm512_loadu_si512(high + c);
      _mm512_storeu_si512(out + c, _mm512_permutex2var_epi16(a, low_half, b));
      _mm512_storeu_si512(out + c + 16, _mm512_permutex2var_epi16(a, high_half, b));
    }
    for (; c < columns; ++c) out[c] = uint32_t{low[c]} | uint32_t{high[c]} << 16;
  }
}

}  // namespace swift::ops

#pragma GCC diagnostic pop
