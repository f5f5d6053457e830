// What becomes of a chunk's sums of whole numbers, with AVX-512. Include after immintrin.h.
#pragma once
#include "ops/code_expand.h"

namespace swift::ops {

// Scales and zero points of a chunk, for sixteen outputs.
struct Int8Scale {
  __m512 scale;
  __m512i zero;  // counted from code 0
};
SWIFT_CODES Int8Scale int8_scale(const CodeLayout& layout, int64_t index) {
  Int8Scale by{load_scales(layout, index), _mm512_set1_epi32(1 << (layout.bits() - 1))};
  if (layout.zeros != nullptr) {
    const __m128i bytes = _mm_load_si128(reinterpret_cast<const __m128i*>(layout.zeros + index));
    by.zero = _mm512_add_epi32(by.zero, _mm512_cvtepi8_epi32(bytes));
  }
  return by;
}

// to (+)= scale * x_scale * (products - zero * total).
SWIFT_CODES void add_int8(const Int8Scale& by, __m512i products, float x_scale, int32_t total, bool add,
                          float* to) {
  const __m512i off = _mm512_mullo_epi32(by.zero, _mm512_set1_epi32(total));
  const __m512 before = add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
  const __m512 factor = _mm512_mul_ps(by.scale, _mm512_set1_ps(x_scale));
  _mm512_storeu_ps(to, _mm512_fmadd_ps(factor, _mm512_cvtepi32_ps(_mm512_sub_epi32(products, off)), before));
}

}  // namespace swift::ops
