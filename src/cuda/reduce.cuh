// Sums and maxima over a warp or block, in an order that the launch alone decides.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (int by = 16; by > 0; by /= 2) value += __shfl_xor_sync(kFullWarp, value, by);
  return value;
}
__device__ __forceinline__ float warp_max(float value) {
#pragma unroll
  for (int by = 16; by > 0; by /= 2) value = fmaxf(value, __shfl_xor_sync(kFullWarp, value, by));
  return value;
}

// Over the block, which has whole warps and one dimension. scratch: 32 shared floats, free again on return.
__device__ __forceinline__ float block_sum(float value, float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int warps = static_cast<int>(blockDim.x) / kWarpThreads;
  value = warp_sum(value);
  if (lane == 0) scratch[warp] = value;
  __syncthreads();
  value = warp_sum(lane < warps ? scratch[lane] : 0.0F);
  __syncthreads();
  return value;
}
__device__ __forceinline__ float block_max(float value, float* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int warps = static_cast<int>(blockDim.x) / kWarpThreads;
  value = warp_max(value);
  if (lane == 0) scratch[warp] = value;
  __syncthreads();
  value = warp_max(lane < warps ? scratch[lane] : -INFINITY);
  __syncthreads();
  return value;
}

}  // namespace swift::cuda
