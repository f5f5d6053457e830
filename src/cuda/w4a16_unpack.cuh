#pragma once
#include "cuda/skinny_rows.cuh"
#include "cuda/w4a16_unpack.h"

namespace swift::cuda {

// Thread i takes word i: four neighbouring inputs of two outputs.
template <class T>
__global__ void __launch_bounds__(256) unpack_words_kernel(PackedInt4 source, T* out) {
  const int64_t at = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= int64_t{source.out} * source.in / 8) return;
  const int j = static_cast<int>(at % 4), lane = static_cast<int>(at / 4 % 32), g = lane / 4, t = lane % 4;
  const int64_t tile = at / 128;
  const int tiles = source.in / kTileIn;
  const int first_in = static_cast<int>(tile % tiles) * kTileIn + j / 2 * 32 + 8 * t + j % 2 * 4;
  const int first_out = static_cast<int>(tile / tiles) * kTileOut + g;
  const int64_t scale_row = int64_t{first_in / source.group} * source.out;
  const uint32_t word = source.words[at];
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int o = first_out + half * 8;
    const float scale = to_float(static_cast<const T*>(source.scales)[scale_row + o]);
    const float zero = static_cast<float>(source.zeros[scale_row + o]);
    T* row = out + int64_t{o} * source.in;
    Pack<T, 4> values;
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      const uint32_t code = word >> (4 * (k / 2 * 2 + half) + k % 2 * 16) & 15;
      values[k] = from_float<T>((static_cast<float>(code) - zero) * scale);
    }
    if (source.order == nullptr) {
      store(row + first_in, values);
    } else {
      for (int k = 0; k < 4; ++k) row[source.order[first_in + k]] = values[k];
    }
  }
}

}  // namespace swift::cuda
