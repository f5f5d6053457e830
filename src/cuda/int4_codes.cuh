// 4-bit codes to 16-bit values in registers.
#pragma once
#include <type_traits>

#include "cuda/dialect.h"

namespace swift::cuda {

// Four codes a word, in pairs at bits 4 i of both halves, as two values minus their zero: exact. 0x6400 | q
// is the fp16 1024 + q, 0x4300 | q the bf16 128 + q; `zero` holds the same of the zero, twice.
template <class T>
__device__ __forceinline__ uint32_t codes_minus_zero(uint32_t word, uint32_t zero) {
  constexpr int kAndOr = (0xF0 & 0xCC) | 0xAA;
  if constexpr (std::is_same_v<T, bf16>) {
    const uint32_t value = lop3<kAndOr>(word, 0x000F000F, 0x43004300);
    return fma2<bf16>(zero, 0xBF80BF80, value);  // value - zero
  } else {
    return sub_f16x2(lop3<kAndOr>(word, 0x000F000F, 0x64006400), zero);
  }
}
template <class T>
__device__ __forceinline__ uint32_t zero_pair(uint32_t zero) {
  return (zero | zero << 16) | (std::is_same_v<T, bf16> ? 0x43004300 : 0x64006400);
}

}  // namespace swift::cuda
