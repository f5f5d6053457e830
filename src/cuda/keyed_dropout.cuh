#pragma once
#include "cuda/dropout.cuh"
#include "cuda/keyed_dropout.h"

namespace swift::cuda {

// One hash decides four elements, 16 bits each.
template <class T>
__global__ void keyed_dropout_kernel(KeyedDropout a, DropoutMask mask) {
  mask.join();
  const int64_t quads = ceil_div<int64_t>(a.count, 4);
  const int64_t step = int64_t{gridDim.x} * blockDim.x;
  const T* x = static_cast<const T*>(a.x);
  T* y = static_cast<T*>(a.y);
  for (int64_t quad = int64_t{blockIdx.x} * blockDim.x + threadIdx.x; quad < quads; quad += step) {
    const uint64_t bits = dropout_bits(mask.key, quad);
    const auto kept = [&](T value, int lane) {
      return from_float<T>(dropout_keeps(mask, bits, lane) ? to_float(value) * mask.keep_scale : 0.0F);
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
