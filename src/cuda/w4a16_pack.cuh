// Kernels of w4a16.h that make packed weights, and put inputs into their order.
#pragma once
#include "cuda/skinny_rows.cuh"
#include "cuda/w4a16.h"

namespace swift::cuda {

__device__ __forceinline__ uint32_t checkpoint_code(const GroupCodes& s, const uint32_t* words, int row,
                                                    int column) {
  if (s.layout == GroupLayout::gptq)
    return words[int64_t{row / 8} * s.columns + column] >> 4 * (row % 8) & 15;
  const int c = column % 8;
  return words[int64_t{row} * (s.columns / 8) + column / 8] >> 4 * (c / 2 + c % 2 * 4) & 15;
}

// Thread i makes word i.
__global__ void __launch_bounds__(256) pack_words_kernel(GroupCodes source, PackedInt4 target) {
  const int64_t at = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= int64_t{target.out} * target.in / 8) return;
  const int j = static_cast<int>(at % 4), lane = static_cast<int>(at / 4 % 32), g = lane / 4, t = lane % 4;
  const int64_t tile = at / 128;
  const int tiles = target.in / kTileIn;
  const int first_in = static_cast<int>(tile % tiles) * kTileIn + j / 2 * 32 + 8 * t + j % 2 * 4;
  const int first_out = static_cast<int>(tile / tiles) * kTileOut + g;
  uint32_t word = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {  // bits 4 (i % 4) of half i / 4
    const int place = first_in + i % 4 / 2 * 2 + i / 4, column = first_out + i % 2 * 8;
    const int row = target.order ? target.order[place] : place;
    word |= checkpoint_code(source, source.qweight, row, column) << (4 * (i % 4) + i / 4 * 16);
  }
  target.words[at] = word;
}

template <class T, class S>
__global__ void __launch_bounds__(256) pack_scales_kernel(GroupCodes source, PackedInt4 target) {
  const int64_t at = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= int64_t{target.in / target.group} * target.out) return;
  const int group = static_cast<int>(at / target.out), column = static_cast<int>(at % target.out);
  static_cast<T*>(target.scales)[at] = from_float<T>(to_float(static_cast<const S*>(source.scales)[at]));
  const int c = column % 8, shift = source.layout == GroupLayout::gptq ? 4 * c : 4 * (c / 2 + c % 2 * 4);
  const uint32_t zero = source.qzeros[int64_t{group} * (target.out / 8) + column / 8] >> shift & 15;
  target.zeros[at] = static_cast<uint8_t>(zero + static_cast<uint32_t>(source.zero_offset));
}

// A thread has eight neighbouring values of y.
__global__ void __launch_bounds__(256)
    gather_columns_kernel(const void* x, const int32_t* order, void* y, int rows, int columns) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  const int pieces = columns / 8;
  if (i >= int64_t{rows} * pieces) return;
  const auto* row = static_cast<const uint16_t*>(x) + i / pieces * columns;
  Pack<uint16_t, 8> values;
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const auto from = load<4>(order + i % pieces * 8 + half * 4);
#pragma unroll
    for (int k = 0; k < 4; ++k) values[half * 4 + k] = row[from[k]];
  }
  store(static_cast<uint16_t*>(y) + i * 8, values);
}

}  // namespace swift::cuda
