// What the kernels for few rows of x share: a block has 16 outputs, its warps parts of the sum over the
// inputs.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

constexpr int kSkinnyWarps = 8;
constexpr int kTileOut = 16, kTileIn = 64;

// The rows of x that a lane multiplies with: 8 b + lane / 4, null beyond `count`. address(row): a row.
template <class T, int Blocks, class Address>
__device__ __forceinline__ void rows_of_lane(const T* (&rows)[Blocks], int count, Address address) {
#pragma unroll
  for (int b = 0; b < Blocks; ++b) {
    const int row = b * 8 + static_cast<int>(threadIdx.x) % kWarpThreads / 4;
    rows[b] = row < count ? address(row) : nullptr;
  }
}

// Adds the warps' parts up in their order and writes y (rows, columns). part: of each 8 rows of x, a matrix
// tile whose rows are outputs first_out .. first_out + 15. sums: kSkinnyWarps * 8 * Blocks * kTileOut shared
// floats.
template <class T, int Blocks>
__device__ __forceinline__ void finish_rows(float* sums, const float (&part)[Blocks][4], T* y, const T* bias,
                                            int rows, int columns, int first_out) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
#pragma unroll
  for (int b = 0; b < Blocks; ++b) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int row = b * 8 + lane % 4 * 2 + i % 2, o = lane / 4 + i / 2 * 8;
      sums[(warp * 8 * Blocks + row) * kTileOut + o] = part[b][i];
    }
  }
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < rows * kTileOut; i += kSkinnyWarps * kWarpThreads) {
    const int o = first_out + i % kTileOut;
    if (o >= columns) continue;
    float sum = 0;
    for (int w = 0; w < kSkinnyWarps; ++w) sum += sums[w * 8 * Blocks * kTileOut + i];
    if (bias) sum += to_float(bias[o]);
    y[int64_t{i / kTileOut} * columns + o] = from_float<T>(sum);
  }
}

}  // namespace swift::cuda
