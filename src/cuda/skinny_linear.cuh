// Kernel of skinny_linear.h.
#pragma once
#include "cuda/skinny_linear.h"
#include "cuda/skinny_rows.cuh"

namespace swift::cuda {

// Eight values, as words of two; zeros where there are none.
template <class T>
__device__ __forceinline__ Pack<uint32_t, 4> eight_or_zeros(const T* from, bool there, bool once) {
  const auto* words = reinterpret_cast<const uint32_t*>(from);
  if (!there) return {};
  return once ? load_once<4>(words) : load<4>(words);
}

// A warp's part of the outputs first_out .. first_out + 15 of up to 8 Blocks rows of x: tiles of 64 inputs,
// by turns of the block's warps. rows[b]: row 8 b + lane / 4 of x, or null. Within a tile lane 4 g + t has
// inputs 8 t and 32 + 8 t, eight each, of outputs g and g + 8 and of the rows g of x: which of them meet in
// one product of matrices does not matter to the sum.
template <class T, int Blocks>
__device__ __forceinline__ void multiply_skinny(const T* weight, int in, int out, int first_out,
                                                const T* const (&rows)[Blocks], float (&part)[Blocks][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int g = lane / 4, t = lane % 4;
#pragma unroll 2
  for (int first = warp * kTileIn; first < in; first += kSkinnyWarps * kTileIn) {
    Pack<uint32_t, 4> w[2][2], x[Blocks][2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int at = first + half * 32 + t * 8;
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int o = first_out + g + r * 8;
        w[r][half] = eight_or_zeros(weight + int64_t{o} * in + at, o < out && at < in, true);
      }
#pragma unroll
      for (int b = 0; b < Blocks; ++b)
        x[b][half] = eight_or_zeros(rows[b] ? rows[b] + at : nullptr, rows[b] && at < in, false);
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int half = j / 2, word = j % 2 * 2;
      const uint32_t outputs[4] = {w[0][half][word], w[1][half][word], w[0][half][word + 1],
                                   w[1][half][word + 1]};
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
        const uint32_t column[2] = {x[b][half][word], x[b][half][word + 1]};
        mma_m16n8k16<T>(part[b], outputs, column);
      }
    }
  }
}

// Block b has outputs 16 b and on.
template <class T, int Blocks>
__global__ void __launch_bounds__(kSkinnyWarps* kWarpThreads) skinny_linear_kernel(SkinnyLinear a) {
  SWIFT_SHARED(float, sums, kSkinnyWarps* kTileOut * 8 * Blocks);
  const T* rows[Blocks];
  rows_of_lane<T, Blocks>(rows, a.rows,
                          [&](int row) { return static_cast<const T*>(a.x) + int64_t{row} * a.in; });
  float part[Blocks][4] = {};
  const int first_out = static_cast<int>(blockIdx.x) * kTileOut;
  multiply_skinny<T, Blocks>(static_cast<const T*>(a.weight), a.in, a.out, first_out, rows, part);
  finish_rows<T, Blocks>(sums, part, static_cast<T*>(a.y), static_cast<const T*>(a.bias), a.rows, a.out,
                         first_out);
}

}  // namespace swift::cuda
