// Kernel of skinny_linear.h.
#pragma once
#include "cuda/skinny_linear.h"
#include "cuda/skinny_rows.cuh"

namespace swift::cuda {

// Eight values of `from` (…, in) at `at`, as words of two; zeros where there are none.
template <class T>
__device__ __forceinline__ Pack<uint32_t, 4> eight_or_zeros(const void* from, int64_t at, bool there,
                                                            bool once) {
  const auto* words = static_cast<const uint32_t*>(from) + at / 2;
  if (!there) return {};
  return once ? load_once<4>(words) : load<4>(words);
}

// Block b has outputs 16 b and on; its warps share tiles of 64 inputs by turns. Within a tile lane 4 g + t
// has inputs 8 t and 32 + 8 t, eight each, of outputs g and g + 8 and of the rows g of x: which of them meet
// in one product of matrices does not matter to the sum.
template <class T, int Blocks>
__global__ void __launch_bounds__(kSkinnyWarps* kWarpThreads) skinny_linear_kernel(SkinnyLinear a) {
  SWIFT_SHARED(float, sums, kSkinnyWarps* kTileOut * 8 * Blocks);
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int g = lane / 4, t = lane % 4, first_out = static_cast<int>(blockIdx.x) * kTileOut;
  float part[Blocks][4] = {};
#pragma unroll 2
  for (int first = warp * kTileIn; first < a.in; first += kSkinnyWarps * kTileIn) {
    Pack<uint32_t, 4> w[2][2], x[Blocks][2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int at = first + half * 32 + t * 8;
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int o = first_out + g + r * 8;
        w[r][half] = eight_or_zeros<T>(a.weight, int64_t{o} * a.in + at, o < a.out && at < a.in, true);
      }
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
        const int row = b * 8 + g;
        x[b][half] = eight_or_zeros<T>(a.x, int64_t{row} * a.in + at, row < a.rows && at < a.in, false);
      }
    }
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int half = j / 2, word = j % 2 * 2;
      const uint32_t rows[4] = {w[0][half][word], w[1][half][word], w[0][half][word + 1],
                                w[1][half][word + 1]};
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
        const uint32_t column[2] = {x[b][half][word], x[b][half][word + 1]};
        mma_m16n8k16<T>(part[b], rows, column);
      }
    }
  }
  finish_rows<T, Blocks>(sums, part, static_cast<T*>(a.y), static_cast<const T*>(a.bias), a.rows, a.out,
                         first_out);
}

}  // namespace swift::cuda
