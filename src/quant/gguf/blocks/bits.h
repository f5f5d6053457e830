// fp16 words and lanes shared by the block quantizers.
#pragma once
#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace swift::quant::gguf {

// To nearest, ties to even.
inline uint16_t half_of(float value) {
  return static_cast<uint16_t>(_cvtss_sh(value, _MM_FROUND_TO_NEAREST_INT));
}

inline float float_of(uint16_t half) {
  return _cvtsh_ss(half);
}

inline uint8_t* put(uint8_t* at, uint16_t word) {
  std::memcpy(at, &word, sizeof word);
  return at + sizeof word;
}

// Eight groups side by side: a lane does what the reference does for its group, in the same order.
using Lanes = float __attribute__((vector_size(32)));
using Mask = int32_t __attribute__((vector_size(32)));

inline Lanes all(float value) {
  return Lanes{} + value;
}

inline Lanes magnitude(Lanes x) {
  const Mask sign = Mask{} + INT32_MAX;
  return reinterpret_cast<Lanes>(reinterpret_cast<Mask>(x) & sign);
}

// To nearest, ties to even, for values below 2^22.
inline Lanes nearest(Lanes x) {
  constexpr float kShift = 12582912.0F;  // 1.5 * 2^23: the fraction leaves the mantissa
  return (x + kShift) - kShift;
}

inline Lanes clamped(Lanes x, float low, float high) {
  const Lanes bounded = x < high ? x : all(high);
  return bounded > low ? bounded : all(low);
}

}  // namespace swift::quant::gguf
