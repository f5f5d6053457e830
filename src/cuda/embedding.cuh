// Kernels of embedding.h. Tokens are first ordered by bucket, in their order within each; the first of each
// id in its bucket then adds up all of that id.
#pragma once
#include "cuda/compact.cuh"
#include "cuda/embedding.h"

namespace swift::cuda {

constexpr int kEmbeddingThreads = 256;

// Block b writes the tokens of bucket b. What lies outside the vocabulary is in no bucket.
__global__ void __launch_bounds__(kEmbeddingThreads) bucket_tokens_kernel(EmbeddingBackward a) {
  SWIFT_SHARED(int, scratch, 32);
  const int bucket = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  const auto bucket_of = [&](int64_t token) {
    const int id = token < a.tokens ? a.ids[token] : -1;
    return id >= 0 && id < a.vocab ? id % kEmbeddingBuckets : kEmbeddingBuckets;
  };
  int below = 0;
  for (int64_t token = thread; token < a.tokens; token += kEmbeddingThreads)
    below += bucket_of(token) < bucket ? 1 : 0;
  below = __reduce_add_sync(kFullWarp, below);
  if (thread % kWarpThreads == 0) scratch[thread / kWarpThreads] = below;
  __syncthreads();
  int start = 0;
  for (int i = 0; i < kEmbeddingThreads / kWarpThreads; ++i) start += scratch[i];
  __syncthreads();
  if (thread == 0) a.bucket_start[bucket] = start;
  for (int64_t first = 0; first < a.tokens; first += kEmbeddingThreads) {
    const bool mine = bucket_of(first + thread) == bucket;
    int total = 0;
    const int rank = block_rank(mine, total, scratch);
    if (mine) a.order[start + rank] = static_cast<int32_t>(first + thread);
    start += total;
  }
  if (bucket == kEmbeddingBuckets - 1 && thread == 0) a.bucket_start[kEmbeddingBuckets] = start;
}

// Block (p, c) does columns of part c for the id of place p in the order, if that is the id's first place.
template <class T, class W, int Width>
__global__ void __launch_bounds__(kEmbeddingThreads) sum_rows_kernel(EmbeddingBackward a) {
  SWIFT_SHARED(int, scratch, 32);
  SWIFT_SHARED(int32_t, rows, kEmbeddingThreads);
  const int place = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
  if (place >= a.bucket_start[kEmbeddingBuckets]) return;
  const int id = a.ids[a.order[place]];
  const int begin = a.bucket_start[id % kEmbeddingBuckets], end = a.bucket_start[id % kEmbeddingBuckets + 1];
  bool earlier = false;
  for (int i = begin + thread; i < place; i += kEmbeddingThreads)
    earlier = earlier || a.ids[a.order[i]] == id;
  if (__syncthreads_or(earlier)) return;
  const int column = (static_cast<int>(blockIdx.y) * kEmbeddingThreads + thread) * Width;
  float sum[Width] = {};
  for (int first = place; first < end; first += kEmbeddingThreads) {
    const int32_t token = first + thread < end ? a.order[first + thread] : -1;
    const bool same = token >= 0 && a.ids[token] == id;
    int total = 0;
    const int rank = block_rank(same, total, scratch);
    if (same) rows[rank] = token;
    __syncthreads();
    for (int i = 0; i < total && column < a.hidden; ++i) {
      const auto row = load<Width>(static_cast<const T*>(a.dy) + int64_t{rows[i]} * a.hidden + column);
#pragma unroll
      for (int k = 0; k < Width; ++k) sum[k] += to_float(row[k]);
    }
    __syncthreads();
  }
  if (column >= a.hidden) return;
  W* to = static_cast<W*>(a.dweight) + int64_t{id} * a.hidden + column;
#pragma unroll
  for (int k = 0; k < Width; ++k) to[k] = from_float<W>(sum[k] + (a.accumulate ? to_float(to[k]) : 0.0F));
}

}  // namespace swift::cuda
