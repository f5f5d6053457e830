// 8-bit codes of kept keys and values as numbers without their scales, which are exact in fp16 and bf16.
#pragma once
#include "cuda/fp8.cuh"
#include "cuda/qk_rope.h"

namespace swift::cuda {

template <KvType Kind>
__device__ __forceinline__ float decode_byte(uint8_t code) {
  if constexpr (Kind == KvType::int8) {
    return static_cast<float>(static_cast<int8_t>(code));
  } else {
    return fp8_to_float(code);
  }
}

// Code i of a word's four. int8: 0x4B0000xx is the float 2^23 + xx.
template <KvType Kind>
__device__ __forceinline__ float decode_of_word(uint32_t word, uint32_t i) {
  if constexpr (Kind == KvType::int8) {
    return __uint_as_float(__byte_perm(word ^ 0x80808080U, 0x4B000000, 0x7540 + i)) - 8388736.0F;
  } else {
    return fp8_to_float(word >> 8 * i & 0xFF);
  }
}

}  // namespace swift::cuda
