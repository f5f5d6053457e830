#pragma once
#include "cuda/dialect.h"
#include "cuda/dropout.h"

namespace swift::cuda {

// splitmix64's finaliser, as in ops/mix.h.
__device__ __forceinline__ uint64_t mix_bits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// One hash decides four elements, 16 bits each.
template <class T>
__global__ void keyed_dropout_kernel(KeyedDropout a, uint32_t threshold, float keep_scale) {
  const int64_t quads = ceil_div<int64_t>(a.count, 4);
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  const T* x = static_cast<const T*>(a.x);
  T* y = static_cast<T*>(a.y);
  for (int64_t quad = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; quad < quads; quad += step) {
    const uint64_t bits = mix_bits(a.key + 0x9E3779B97F4A7C15ULL * static_cast<uint64_t>(quad + 1));
    const auto kept = [&](T value, int lane) {
      const bool keep = static_cast<uint32_t>(bits >> (16 * lane) & 0xFFFFU) >= threshold;
      return from_float<T>(keep ? to_float(value) * keep_scale : 0.0F);
    };
    if (quad * 4 + 4 <= a.count) {
      Pack<T, 4> pack = load_once<4>(x + quad * 4);
      for (int lane = 0; lane < 4; ++lane) pack[lane] = kept(pack[lane], lane);
      store(y + quad * 4, pack);
    } else {
      for (int lane = 0; quad * 4 + lane < a.count; ++lane)
        y[quad * 4 + lane] = kept(x[quad * 4 + lane], lane);
    }
  }
}

}  // namespace swift::cuda
