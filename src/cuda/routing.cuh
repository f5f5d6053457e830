// Kernels of routing.h.
#pragma once
#include "cuda/order.cuh"
#include "cuda/reduce.cuh"
#include "cuda/routing.h"

namespace swift::cuda {

constexpr int kRoutingWarps = 4, kMaxExperts = 512;

// A warp has a token, a lane every 32nd of up to 32 Values experts.
template <class T, int Values>
__global__ void __launch_bounds__(kRoutingWarps* kWarpThreads) route_tokens_kernel(Routing a) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t token = int64_t{blockIdx.x} * kRoutingWarps + warp;
  if (token >= a.tokens) return;
  const T* scores = static_cast<const T*>(a.scores) + token * a.experts;
  float p[Values], top = -INFINITY, sum = 0;
#pragma unroll
  for (int i = 0; i < Values; ++i) {
    const int expert = i * kWarpThreads + lane;
    p[i] = expert < a.experts ? to_float(scores[expert]) : -INFINITY;
    top = fmaxf(top, p[i]);
  }
  top = warp_max(top);
#pragma unroll
  for (int i = 0; i < Values; ++i) {
    p[i] = exp2f((p[i] - top) * 1.4426950408889634F);
    sum += p[i];
  }
  sum = warp_sum(sum);
#pragma unroll
  for (int i = 0; i < Values; ++i) {
    const int expert = i * kWarpThreads + lane;
    p[i] = expert < a.experts ? p[i] / sum : -1.0F;  // less than any
    if (a.probabilities && expert < a.experts) a.probabilities[token * a.experts + expert] = p[i];
  }
  float share = 0;  // of lane j: of choice j
  int chosen = 0;
  for (int j = 0; j < a.per_token; ++j) {
    uint64_t best = 0;
#pragma unroll
    for (int i = 0; i < Values; ++i) {
      // NaN comes first, as infinity: a choice is an expert whatever the scores.
      const uint64_t own = ranked(p[i] == p[i] ? p[i] : INFINITY, i * kWarpThreads + lane);
      best = own > best ? own : best;
    }
    best = warp_best(best);
#pragma unroll
    for (int i = 0; i < Values; ++i)
      if (rank_id(best) == i * kWarpThreads + lane) p[i] = -1.0F;
    if (lane == j) {
      share = rank_value(best);
      chosen = rank_id(best);
    }
  }
  const float total = warp_sum(share);
  if (lane >= a.per_token) return;
  a.chosen[token * a.per_token + lane] = chosen;
  a.shares[token * a.per_token + lane] = a.normalize ? share / total : share;
}

// As above. d score = p (dp - sum p dp); a share p / S brings its probability (d - sum of d share) / S.
template <class T, int Values>
__global__ void __launch_bounds__(kRoutingWarps* kWarpThreads)
    route_tokens_backward_kernel(RoutingBackward a) {
  const Routing& f = a.forward;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t token = int64_t{blockIdx.x} * kRoutingWarps + warp;
  if (token >= f.tokens) return;
  const float* probabilities = f.probabilities + token * f.experts;
  float p[Values], dp[Values];
#pragma unroll
  for (int i = 0; i < Values; ++i) {
    const int expert = i * kWarpThreads + lane;
    const bool there = expert < f.experts;
    p[i] = there ? probabilities[expert] : 0.0F;
    dp[i] = there && a.d_probabilities ? a.d_probabilities[token * f.experts + expert] : 0.0F;
  }
  int chosen = -1;
  float gradient = 0, share = 0;
  if (lane < f.per_token) {
    chosen = f.chosen[token * f.per_token + lane];
    gradient = a.d_shares[token * f.per_token + lane];
    share = probabilities[chosen];
  }
  if (f.normalize) {
    const float total = warp_sum(share), mean = warp_sum(gradient * share) / total;
    gradient = (gradient - mean) / total;
  }
  for (int j = 0; j < f.per_token; ++j) {
    const int expert = __shfl_sync(kFullWarp, chosen, j);
    const float of_expert = __shfl_sync(kFullWarp, gradient, j);
#pragma unroll
    for (int i = 0; i < Values; ++i)
      if (expert == i * kWarpThreads + lane) dp[i] += of_expert;
  }
  float dot = 0;
#pragma unroll
  for (int i = 0; i < Values; ++i) dot += p[i] * dp[i];
  dot = warp_sum(dot);
#pragma unroll
  for (int i = 0; i < Values; ++i) {
    const int expert = i * kWarpThreads + lane;
    if (expert < f.experts)
      static_cast<T*>(a.d_scores)[token * f.experts + expert] = from_float<T>(p[i] * (dp[i] - dot));
  }
}

// Block (chunk): how many of the chunk's choices each expert has.
__global__ void __launch_bounds__(kSortChunk) count_choices_kernel(ExpertSort a) {
  SWIFT_SHARED(int, counts, kMaxExperts);
  const int thread = static_cast<int>(threadIdx.x);
  if (thread < kMaxExperts) counts[thread] = 0;
  __syncthreads();
  const int64_t choice = int64_t{blockIdx.x} * kSortChunk + thread;
  if (choice < a.choices) atomicAdd(&counts[a.chosen[choice]], 1);
  __syncthreads();
  if (thread < a.experts) a.counts[int64_t{blockIdx.x} * a.experts + thread] = counts[thread];
}

// The sum of `value` over the threads before this one. scratch: 32 shared words, free again on return.
__device__ __forceinline__ int sum_before(int value, int* scratch) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  int sum = value;
#pragma unroll
  for (int by = 1; by < kWarpThreads; by *= 2) {
    const int below = __shfl_up_sync(kFullWarp, sum, static_cast<unsigned>(by));
    if (lane >= by) sum += below;
  }
  if (lane == kWarpThreads - 1) scratch[warp] = sum;
  __syncthreads();
  int before = sum - value;
  for (int i = 0; i < warp; ++i) before += scratch[i];
  __syncthreads();
  return before;
}

// All threads of a block: the tiles of experts with `count` rows from row `start`, a thread each.
__device__ __forceinline__ void write_tiles(const ExpertSort& a, int count, int start, int64_t tiles,
                                            int* scratch) {
  const int thread = static_cast<int>(threadIdx.x), own = ceil_div(count, a.tile_rows);
  const int first = sum_before(own, scratch);
  for (int i = 0; i < own; ++i)
    a.tiles[first + i] = {thread, start + i * a.tile_rows, min(a.tile_rows, count - i * a.tile_rows)};
  if (thread == kSortChunk - 1) scratch[0] = first + own;
  __syncthreads();
  for (int64_t i = scratch[0] + thread; i < tiles; i += kSortChunk) a.tiles[i] = {-1, 0, 0};
}

// Block (chunk): the places of the chunk's choices; the first also writes starts and tiles. Without the 1
// nvcc saves registers and spills some.
__global__ void __launch_bounds__(kSortChunk, 1) place_choices_kernel(ExpertSort a, int64_t tiles) {
  SWIFT_SHARED(int, scratch, 32);
  SWIFT_SHARED(int, next, kMaxExperts);  // row of the chunk's first choice of each expert
  SWIFT_SHARED(int32_t, experts, kSortChunk);
  const int thread = static_cast<int>(threadIdx.x), chunk = static_cast<int>(blockIdx.x),
            chunks = static_cast<int>(gridDim.x);
  int before = 0, count = 0;
  if (thread < a.experts) {
    for (int c = 0; c < chunks; ++c) {
      const int of_chunk = a.counts[int64_t{c} * a.experts + thread];
      if (c < chunk) before += of_chunk;
      count += of_chunk;
    }
  }
  const int start = sum_before(count, scratch);
  if (thread < a.experts) next[thread] = start + before;
  const int64_t choice = int64_t{chunk} * kSortChunk + thread;
  const int expert = choice < a.choices ? a.chosen[choice] : -1;
  experts[thread] = expert;
  __syncthreads();
  if (expert >= 0) {
    int rank = 0, i = 0;
    for (; i + 4 <= thread; i += 4) {
      const auto four = load<4>(experts + i);
#pragma unroll
      for (int k = 0; k < 4; ++k) rank += four[k] == expert ? 1 : 0;
    }
    for (; i < thread; ++i) rank += experts[i] == expert ? 1 : 0;
    const int place = next[expert] + rank;
    a.places[choice] = place;
    a.order[place] = static_cast<int32_t>(choice);
  }
  if (chunk > 0) return;
  if (thread < a.experts) a.starts[thread] = start;
  if (thread == a.experts - 1) a.starts[a.experts] = start + count;
  if (a.tiles) write_tiles(a, count, start, tiles, scratch);
}

}  // namespace swift::cuda
