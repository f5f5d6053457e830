// Stochastic rounding to 16 bits: up with the probability of the distance to the value below, in units of the
// last place, so that the mean is kept. `bits` are 16 random bits.
#pragma once
#include <type_traits>

#include "cuda/dialect.h"

namespace swift::cuda {

template <class T>
__device__ __forceinline__ T round_randomly(float x, uint32_t bits) {
  if constexpr (std::is_same_v<T, float>) {
    return x;
  } else {
    constexpr int kDropped = std::is_same_v<T, bf16> ? 16 : 13;
    constexpr uint32_t kMask = (1U << kDropped) - 1;
    const uint32_t word = __float_as_uint(x);
    if ((word & 0x7F800000) == 0x7F800000) return from_float<T>(x);
    if (std::is_same_v<T, f16> && fabsf(x) < 0x1p-14F) {  // subnormal: multiples of 2^-24
      const float size = floorf(fabsf(x) * 0x1p24F + static_cast<float>(bits) * 0x1p-16F) * 0x1p-24F;
      return from_float<T>(x < 0 ? -size : size);
    }
    return from_float<T>(__uint_as_float((word + (bits & kMask)) & ~kMask));
  }
}

}  // namespace swift::cuda
