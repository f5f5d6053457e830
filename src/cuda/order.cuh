// Floats as unsigned integers in the same order, and a value with its id as one: of equal values the smaller
// id is larger.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

__device__ __forceinline__ uint32_t order_of(float x) {
  const uint32_t bits = __float_as_uint(x);
  return (bits & 0x80000000U) != 0 ? ~bits : bits | 0x80000000U;
}
__device__ __forceinline__ float float_of_order(uint32_t order) {
  return __uint_as_float((order & 0x80000000U) != 0 ? order & 0x7FFFFFFFU : ~order);
}

__device__ __forceinline__ uint64_t ranked(float value, int32_t id) {
  return uint64_t{order_of(value)} << 32 | static_cast<uint32_t>(~id);
}
__device__ __forceinline__ float rank_value(uint64_t rank) {
  return float_of_order(static_cast<uint32_t>(rank >> 32));
}
__device__ __forceinline__ int32_t rank_id(uint64_t rank) {
  return static_cast<int32_t>(~static_cast<uint32_t>(rank));
}

__device__ __forceinline__ uint64_t warp_best(uint64_t best) {
#pragma unroll
  for (int by = 16; by > 0; by /= 2) {
    const uint64_t other = __shfl_xor_sync(kFullWarp, static_cast<unsigned long long>(best), by);
    best = other > best ? other : best;
  }
  return best;
}

}  // namespace swift::cuda
