// exp for loops that the compiler turns into vector code.
#pragma once
#include <cstdint>

namespace swift::ops {

// exp(x) to about 2 ulp for |x| <= 87, clamped outside: 2^n times a degree-6 polynomial (Cephes'
// coefficients).
inline float fast_exp(float x) {
  x = x < -87.0F ? -87.0F : (x > 87.0F ? 87.0F : x);
  const float n = __builtin_rintf(x * 1.44269504088896341F);
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  return __builtin_bit_cast(float, __builtin_bit_cast(int32_t, p) + (static_cast<int32_t>(n) << 23));
}

}  // namespace swift::ops
