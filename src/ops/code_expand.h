// Codes of a grouped weight (code_layout.h) to numbers, with AVX-512. For kernels that are compiled for it:
// include after immintrin.h.
#pragma once
#include "ops/code_layout.h"

namespace swift::ops {

#define SWIFT_CODES \
  [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"), gnu::always_inline]] inline

// bf16 of code - 8 by the lower five bits of a word: the fifth belongs to the next code and is of no account.
SWIFT_CODES __m512i bf16_of_codes() {
  alignas(64) constexpr uint16_t kTable[32] = {
      0xC100, 0xC0E0, 0xC0C0, 0xC0A0, 0xC080, 0xC040, 0xC000, 0xBF80, 0x0000, 0x3F80, 0x4000,
      0x4040, 0x4080, 0x40A0, 0x40C0, 0x40E0, 0xC100, 0xC0E0, 0xC0C0, 0xC0A0, 0xC080, 0xC040,
      0xC000, 0xBF80, 0x0000, 0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0, 0x40C0, 0x40E0};
  return _mm512_load_si512(kTable);
}

// Four rows of a block, each 16 outputs of two inputs: quarter `part` of a block of codes.
template <int Bits>
SWIFT_CODES void expand_rows(const uint8_t* block, int part, __m512i table, __m512i (&rows)[4]) {
  if constexpr (Bits == 4) {
    const __m512i words = _mm512_load_si512(block + 64 * part);
    rows[0] = _mm512_permutexvar_epi16(words, table);
    rows[1] = _mm512_permutexvar_epi16(_mm512_srli_epi16(words, 4), table);
    rows[2] = _mm512_permutexvar_epi16(_mm512_srli_epi16(words, 8), table);
    rows[3] = _mm512_permutexvar_epi16(_mm512_srli_epi16(words, 12), table);
  } else {
    for (int r = 0; r < 4; ++r) {
      const auto* bytes = reinterpret_cast<const __m128i*>(block + 128 * part + 32 * r);
      const __m512 low = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128(bytes)));
      const __m512 high = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128(bytes + 1)));
      rows[r] = (__m512i)_mm512_cvtne2ps_pbh(high, low);
    }
  }
}

// Sixteen scales in fp32.
SWIFT_CODES __m512 load_scales(const CodeLayout& layout, int64_t index) {
  if (layout.scale_type == CodeScale::fp16)
    return _mm512_cvtph_ps(_mm256_load_si256(
        reinterpret_cast<const __m256i*>(static_cast<const uint16_t*>(layout.scales) + index)));
  if (layout.scale_type == CodeScale::bf16)
    return _mm512_castsi512_ps(_mm512_slli_epi32(
        _mm512_cvtepu16_epi32(_mm256_load_si256(
            reinterpret_cast<const __m256i*>(static_cast<const uint16_t*>(layout.scales) + index))),
        16));
  return _mm512_load_ps(static_cast<const float*>(layout.scales) + index);
}

// What a chunk's scales and zero points do to its products, for sixteen outputs.
struct ChunkScale {
  __m512 scale, zero;  // zero: times the scale
};
SWIFT_CODES ChunkScale chunk_scale(const CodeLayout& layout, int64_t index) {
  ChunkScale out{load_scales(layout, index), _mm512_setzero_ps()};
  if (layout.zeros != nullptr) {
    const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(layout.zeros + index));
    out.zero = _mm512_mul_ps(out.scale, _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes)));
  }
  return out;
}

}  // namespace swift::ops
