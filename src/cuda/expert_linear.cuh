// Kernels of expert_linear.h. Block (tile, outputs): tiles of one expert are neighbours, so its weights come
// from L2 after the first.
#pragma once
#include "cuda/expert_linear.h"
#include "cuda/skinny_linear.cuh"
#include "cuda/w4a16.cuh"

namespace swift::cuda {

// The rows of x that a lane has of a tile.
template <class T, int Blocks>
__device__ __forceinline__ void rows_of_tile(const T* (&rows)[Blocks], const ExpertInputs& a,
                                             const ExpertTile& tile, int in) {
  rows_of_lane<T, Blocks>(rows, tile.rows, [&](int row) {
    int64_t from = tile.first + row;
    if (a.order) from = a.order[from] / a.per_token;
    return static_cast<const T*>(a.x) + from * in;
  });
}

template <class T, int Blocks>
__global__ void __launch_bounds__(kSkinnyWarps* kWarpThreads)
    expert_linear_kernel(ExpertInputs a, const T* weight, int in, int out) {
  SWIFT_SHARED(float, sums, kSkinnyWarps* kTileOut * 8 * Blocks);
  const ExpertTile tile = a.tiles[blockIdx.x];
  if (tile.expert < 0) return;
  const T* rows[Blocks];
  rows_of_tile<T, Blocks>(rows, a, tile, in);
  float part[Blocks][4] = {};
  const int first_out = static_cast<int>(blockIdx.y) * kTileOut;
  multiply_skinny<T, Blocks>(weight + int64_t{tile.expert} * out * in, in, out, first_out, rows, part);
  finish_rows<T, Blocks>(sums, part, static_cast<T*>(a.y) + int64_t{tile.first} * out, nullptr, tile.rows,
                         out, first_out);
}

// Without the 1 nvcc saves registers and spills some.
template <class T, int Blocks, int Halves>
__global__ void __launch_bounds__(kSkinnyWarps* kWarpThreads, 1)
    expert_int4_linear_kernel(ExpertInputs a, PackedInt4 weight) {
  SWIFT_SHARED(float, sums, kSkinnyWarps* kTileOut * 8 * Blocks);
  const ExpertTile tile = a.tiles[blockIdx.x];
  if (tile.expert < 0) return;
  const T* rows[Blocks];
  rows_of_tile<T, Blocks>(rows, a, tile, weight.in);
  const int64_t groups = int64_t{weight.in / weight.group} * weight.out;
  weight.words += int64_t{tile.expert} * weight.out * (weight.in / 8);
  weight.scales = static_cast<T*>(weight.scales) + tile.expert * groups;
  weight.zeros += tile.expert * groups;
  float part[Blocks][4] = {};
  const int out_tile = static_cast<int>(blockIdx.y);
  multiply_int4<T, Blocks, Halves>(weight, out_tile, rows, part);
  finish_rows<T, Blocks>(sums, part, static_cast<T*>(a.y) + int64_t{tile.first} * weight.out, nullptr,
                         tile.rows, weight.out, out_tile * kTileOut);
}

}  // namespace swift::cuda
