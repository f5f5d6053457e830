// Keeps the places of a block's threads whose flag is set, in the order of the threads.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

// The number of threads before this one whose flag is set; `total` becomes that of all. scratch: 32 shared
// words, free again on return.
__device__ __forceinline__ int block_rank(bool flag, int& total, int* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int warps = static_cast<int>(blockDim.x) / kWarpThreads;
  const uint32_t votes = __ballot_sync(kFullWarp, flag);
  if (lane == 0) scratch[warp] = __popc(votes);
  __syncthreads();
  int before = 0;
  total = 0;
  for (int i = 0; i < warps; ++i) {
    if (i < warp) before += scratch[i];
    total += scratch[i];
  }
  __syncthreads();
  return before + __popc(votes & ((1U << lane) - 1));
}

}  // namespace swift::cuda
