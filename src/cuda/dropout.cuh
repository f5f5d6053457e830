// Masks of dropout as a function of a key and an element's index: the bits of ops/mix.h.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

// threshold: of 16 bits; an element whose bits are below it is dropped.
struct DropoutMask {
  uint64_t key;
  uint32_t threshold;
  float keep_scale;
  const uint64_t* base;  // added to the key, or null

  // For kernels, at their start: the key is whole then.
  __device__ __forceinline__ void join() {
    if (base != nullptr && threshold != 0) key += *base;
  }
};

// 64 bits for elements 4 quad .. 4 quad + 3, the lowest 16 for the first.
__device__ __forceinline__ uint64_t dropout_bits(uint64_t key, int64_t quad) {
  uint64_t z = key + 0x9E3779B97F4A7C15ULL * static_cast<uint64_t>(quad + 1);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}
__device__ __forceinline__ bool dropout_keeps(const DropoutMask& mask, uint64_t bits, int i) {
  return (bits >> 16 * i & 0xFFFF) >= mask.threshold;
}

// Zeroes what is dropped of eight 16-bit values, two a word; `first` is the index of the first, a multiple
// of 4. They are not scaled.
__device__ __forceinline__ void drop_eight(const DropoutMask& mask, int64_t first, Pack<uint32_t, 4>& words) {
  if (mask.threshold == 0) return;
#pragma unroll
  for (int quad = 0; quad < 2; ++quad) {
    const uint64_t bits = dropout_bits(mask.key, first / 4 + quad);
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      uint32_t& word = words[quad * 2 + i];
      word &= (dropout_keeps(mask, bits, 2 * i) ? 0xFFFFU : 0U) |
              (dropout_keeps(mask, bits, 2 * i + 1) ? 0xFFFF0000U : 0U);
    }
  }
}

// 0, or what the element at `index` is multiplied by.
__device__ __forceinline__ float dropout_factor(const DropoutMask& mask, int64_t index) {
  if (mask.threshold == 0) return 1.0F;
  const bool keeps = dropout_keeps(mask, dropout_bits(mask.key, index / 4), static_cast<int>(index % 4));
  return keeps ? mask.keep_scale : 0.0F;
}

}  // namespace swift::cuda
