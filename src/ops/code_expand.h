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

// bf16 of E4M3's magnitudes without an exponent (k / 512) by the lower five bits of a code.
SWIFT_CODES __m512i bf16_of_subnormals() {
  alignas(64) constexpr uint16_t kTable[32] = {0x0000, 0x3B00, 0x3B80, 0x3BC0,
                                               0x3C00, 0x3C20, 0x3C40, 0x3C60};
  return _mm512_load_si512(kTable);
}

// The table that expand_pair() reads.
template <CodeForm Form>
SWIFT_CODES __m512i code_table() {
  if constexpr (Form == CodeForm::four_bit) return bf16_of_codes();
  if constexpr (Form == CodeForm::fp8) return bf16_of_subnormals();
  return _mm512_setzero_si512();
}

// 32 codes of E4M3: the exponent moves from bias 7 to bias 127.
SWIFT_CODES __m512i bf16_of_fp8(__m256i bytes, __m512i table) {
  const __m512i codes = _mm512_cvtepu8_epi16(bytes);
  const __m512i shifted = _mm512_and_si512(_mm512_slli_epi16(codes, 4), _mm512_set1_epi16(0x7F0));
  const __mmask32 subnormal = _mm512_testn_epi16_mask(codes, _mm512_set1_epi16(0x78));
  const __m512i normal = _mm512_add_epi16(shifted, _mm512_set1_epi16(120 << 7));
  const __m512i size = _mm512_mask_permutexvar_epi16(normal, subnormal, codes, table);
  const __m512i sign = _mm512_slli_epi16(_mm512_srli_epi16(codes, 7), 15);
  return _mm512_or_si512(size, sign);
}

// Pairs of inputs of a line.
template <CodeForm Form>
constexpr int kLinePairs = Form == CodeForm::four_bit ? 4 : 2;

// Pair `pair` of a line: 16 outputs of two inputs, as bf16. In loops that are unrolled, `pair` is a constant.
template <CodeForm Form>
SWIFT_CODES __m512i expand_pair(const uint8_t* line, int pair, __m512i table) {
  if constexpr (Form == CodeForm::four_bit) {
    const __m512i words = _mm512_load_si512(line);
    return _mm512_permutexvar_epi16(_mm512_srli_epi16(words, static_cast<unsigned>(4 * pair)), table);
  } else {
    const auto* bytes = reinterpret_cast<const __m128i*>(line + 32 * pair);
    if constexpr (Form == CodeForm::fp8)
      return bf16_of_fp8(_mm256_load_si256(reinterpret_cast<const __m256i*>(bytes)), table);
    const __m512 low = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128(bytes)));
    const __m512 high = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_load_si128(bytes + 1)));
    return (__m512i)_mm512_cvtne2ps_pbh(high, low);
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

// Runs f<Form>() for the layout's form.
template <class F>
auto by_form(CodeForm form, const F& f) {
  if (form == CodeForm::eight_bit) return f.template operator()<CodeForm::eight_bit>();
  if (form == CodeForm::fp8) return f.template operator()<CodeForm::fp8>();
  return f.template operator()<CodeForm::four_bit>();
}

}  // namespace swift::ops
