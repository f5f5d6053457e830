// Kernel of top_log_probs.h: a block has a row, each of its warps a part and that part's best; when it is
// taken the warp looks for the next.
#pragma once
#include "cuda/order.cuh"
#include "cuda/reduce.cuh"
#include "cuda/top_log_probs.h"

namespace swift::cuda {

constexpr int kTopThreads = 1024;
constexpr int kTopWarps = kTopThreads / kWarpThreads;

template <class T>
__global__ void __launch_bounds__(kTopThreads) top_log_probs_kernel(TopLogProbs a) {
  SWIFT_SHARED(uint64_t, bests, kTopWarps);
  SWIFT_SHARED(float, scratch, 32);
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t row = a.rows ? a.rows[blockIdx.x] : static_cast<int>(blockIdx.x);
  const T* logits = static_cast<const T*>(a.logits) + row * a.stride;
  const int part = ceil_div(a.vocab, kTopWarps), begin = warp * part, end = min(begin + part, a.vocab);
  // The best of the warp's part that ranks below `limit`; 0: none.
  const auto best_below = [&](uint64_t limit) {
    uint64_t best = 0;
    for (int id = begin + lane; id < end; id += kWarpThreads) {
      const uint64_t rank = ranked(to_float(logits[id]), id);
      if (rank < limit && rank > best) best = rank;
    }
    return warp_best(best);
  };
  uint64_t own = best_below(~uint64_t{0});
  const float largest = block_max(own != 0 ? rank_value(own) : -INFINITY, scratch);
  float sum = 0;
  for (int id = begin + lane; id < end; id += kWarpThreads) sum += __expf(to_float(logits[id]) - largest);
  const float normaliser = largest + logf(block_sum(sum, scratch));
  for (int i = 0; i < a.count; ++i) {
    if (lane == 0) bests[warp] = own;
    __syncthreads();
    const uint64_t best = warp_best(bests[lane]);
    __syncthreads();
    if (threadIdx.x == 0) {
      const int64_t at = int64_t{blockIdx.x} * a.count + i;
      a.ids[at] = best != 0 ? rank_id(best) : -1;
      a.values[at] = best != 0 ? rank_value(best) - normaliser : -INFINITY;
    }
    if (best != 0 && own == best) own = best_below(best);
  }
}

}  // namespace swift::cuda
