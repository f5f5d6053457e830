// fp8 e4m3 (1 sign, 4 exponent, 3 fraction bits, largest 448, no infinity) by way of fp16's bits, alike on
// every architecture.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

// Exact. 2^8 makes up for the smaller bias.
__device__ __forceinline__ float fp8_to_float(uint32_t code) {
  const uint32_t bits = (code & 0x80) << 24 | (code & 0x7F) << 20;
  return __uint_as_float(bits) * 0x1p120F;
}

// Nearest even, what is larger becomes 448.
__device__ __forceinline__ uint32_t float_to_fp8(float x) {
  const uint32_t sign = __float_as_uint(x) >> 24 & 0x80;
  const float size = fminf(fabsf(x), 448.0F);
  if (size < 0x1p-6F) return sign | static_cast<uint32_t>(__float2int_rn(size * 0x1p9F));
  const uint32_t bits = __float_as_uint(size);
  const uint32_t rounded = bits + 0x7FFFF + (bits >> 20 & 1);
  return sign | ((rounded >> 20) - (120 << 3));
}

}  // namespace swift::cuda
