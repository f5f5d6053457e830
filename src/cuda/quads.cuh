// Four neighbouring values, the last of a tensor fewer.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

template <class T>
__device__ __forceinline__ void read_four(const T* from, int count, float (&to)[4]) {
  if (count == 4) {
    const auto pack = load<4>(from);
#pragma unroll
    for (int i = 0; i < 4; ++i) to[i] = to_float(pack[i]);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) to[i] = i < count ? to_float(from[i]) : 0.0F;
  }
}
template <class T>
__device__ __forceinline__ void write_four(T* to, int count, const Pack<T, 4>& pack) {
  if (count == 4) {
    store(to, pack);
  } else {
#pragma unroll
    for (int i = 0; i < 3; ++i) {
      if (i < count) to[i] = pack[i];
    }
  }
}
__device__ __forceinline__ void write_four(float* to, int count, const float (&from)[4]) {
  Pack<float, 4> pack;
#pragma unroll
  for (int i = 0; i < 4; ++i) pack[i] = from[i];
  write_four(to, count, pack);
}

}  // namespace swift::cuda
