// Loops over eight fp32 lanes: loads and stores of bf16, fp16 and fp32, and exp, on the compiler's vector
// types. Written out because the conversions of c10's scalar types keep the compiler from turning plain loops
// into vector code.
#pragma once
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstdint>
#include <cstring>

namespace swift::ops {

constexpr int64_t kLanes = 8;
using Floats = float __attribute__((vector_size(32)));
using Words = uint32_t __attribute__((vector_size(32)));
using Integers = int32_t __attribute__((vector_size(32)));
using Halves = uint16_t __attribute__((vector_size(16)));

// The first `count` lanes from memory, zero beyond.
template <class T>
inline Floats load(const T* p, int64_t count = kLanes) {
  Floats lanes = {};
  for (int64_t i = 0; i < count; ++i) lanes[i] = static_cast<float>(p[i]);
  return lanes;
}

template <>
inline Floats load(const float* p, int64_t count) {
  Floats lanes = {};
  std::memcpy(&lanes, p, static_cast<size_t>(count) * sizeof(float));
  return lanes;
}

template <>
inline Floats load(const c10::BFloat16* p, int64_t count) {
  Halves bits = {};
  std::memcpy(&bits, p, static_cast<size_t>(count) * sizeof(uint16_t));
  return __builtin_bit_cast(Floats, __builtin_convertvector(bits, Words) << 16);
}

template <class T>
inline void store(T* p, Floats lanes, int64_t count = kLanes) {
  for (int64_t i = 0; i < count; ++i) p[i] = static_cast<T>(lanes[i]);
}

template <>
inline void store(float* p, Floats lanes, int64_t count) {
  std::memcpy(p, &lanes, static_cast<size_t>(count) * sizeof(float));
}

// To nearest, ties to even; a NaN keeps a set mantissa bit.
template <>
inline void store(c10::BFloat16* p, Floats lanes, int64_t count) {
  const Words bits = __builtin_bit_cast(Words, lanes);
  const Words rounded = (bits + 0x7FFFU + (bits >> 16 & 1U)) >> 16;
  const Words nan = bits >> 16 | 0x40U;
  const Words chosen = lanes == lanes ? rounded : nan;
  const Halves out = __builtin_convertvector(chosen, Halves);
  std::memcpy(p, &out, static_cast<size_t>(count) * sizeof(uint16_t));
}

// As a store to T and a load would give.
template <class T>
inline Floats rounded(Floats lanes) {
  T memory[kLanes];
  store<T>(memory, lanes);
  return ops::load<T>(memory, kLanes);
}

template <>
inline Floats rounded<float>(Floats lanes) {
  return lanes;
}

inline Floats splat(float value) {
  return value - Floats{};  // keeps the sign of zero
}

// In a fixed order, so that a sum never depends on anything but its values.
inline float sum(Floats lanes) {
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

inline Floats largest(Floats a, Floats b) {
  return a > b ? a : b;
}

// exp(x) to about 2 ulp for |x| <= 87, clamped outside: 2^n times a degree-6 polynomial (Cephes'
// coefficients).
inline Floats exp_lanes(Floats x) {
  x = x < -87.0F ? splat(-87.0F) : x;
  x = x > 87.0F ? splat(87.0F) : x;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding and taking it off rounds to an integer
  const Floats n = (x * 1.44269504088896341F + kRound) - kRound;
  const Floats r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  Floats p = splat(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const Integers shift = __builtin_convertvector(n, Integers) << 23;
  return __builtin_bit_cast(Floats, __builtin_bit_cast(Integers, p) + shift);
}

// Calls body(i, count) for blocks of kLanes elements of [begin, end), and once for what is left.
template <class Body>
inline void for_lanes(int64_t begin, int64_t end, const Body& body) {
  int64_t i = begin;
  for (; i + kLanes <= end; i += kLanes) body(i, kLanes);
  if (i < end) body(i, end - i);
}

}  // namespace swift::ops
