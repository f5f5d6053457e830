// How parts of a softmax over the context come together: each has its largest product, the sum of its
// exponentials and the sum of its weighted values. Products are in units of log2.
#pragma once
#include "cuda/dialect.h"
#include "cuda/paged_decode.h"
#include "cuda/tiles.cuh"

namespace swift::cuda {

struct Softmax {
  float largest = -INFINITY, sum = 0;

  // Adds a part; `value` keeps the weighted sum in step.
  __device__ __forceinline__ void add(float part_largest, float part_sum, float part_value, float& value) {
    const float top = fmaxf(largest, part_largest);
    if (top == -INFINITY) return;
    const float own = exp2f(largest - top), other = exp2f(part_largest - top);
    value = value * own + part_value * other;
    sum = sum * own + part_sum * other;
    largest = top;
  }
  __device__ __forceinline__ void add_sink(const float* sinks, int head, float& value) {
    if (sinks) add(sinks[head] * kLog2E, 1.0F, 0.0F, value);
  }
};

// The chunks of a sequence that have keys.
struct ChunkRange {
  int first, end;
};
__device__ __forceinline__ ChunkRange chunks_of(const PagedDecode& a, int row) {
  const int length = a.lengths[row];
  const int start = a.window > 0 ? max(0, length - a.window) : 0;
  return {start / a.chunk_tokens, ceil_div(length, a.chunk_tokens)};
}

// Value d of a head after one chunk: the result if that is all, else a part for merge_chunks_kernel.
template <class T>
__device__ __forceinline__ void write_decoded(const PagedDecode& a, int row, int head, int chunk, int d,
                                              Softmax sums, float value) {
  const int64_t at = int64_t{row} * a.heads + head;
  const ChunkRange range = chunks_of(a, row);
  if (range.end - range.first == 1) {
    sums.add_sink(a.sinks, head, value);
    static_cast<T*>(a.out)[at * a.head_dim + d] = from_float<T>(value / sums.sum);
    return;
  }
  a.partial[(at * a.max_chunks + chunk) * a.head_dim + d] = value;
  if (d == 0) {
    a.partial_sums[(at * a.max_chunks + chunk) * 2] = sums.largest;
    a.partial_sums[(at * a.max_chunks + chunk) * 2 + 1] = sums.sum;
  }
}

// Block (head, sequence): the sum over chunks, in their order.
template <class T>
__global__ void __launch_bounds__(256) merge_chunks_kernel(PagedDecode a) {
  const int head = static_cast<int>(blockIdx.x), row = static_cast<int>(blockIdx.y);
  const int64_t at = int64_t{row} * a.heads + head;
  const ChunkRange range = chunks_of(a, row);
  if (range.end - range.first == 1) return;
  const int d = static_cast<int>(threadIdx.x);
  if (d >= a.head_dim) return;
  Softmax sums;
  float value = 0;
  for (int chunk = range.first; chunk < range.end; ++chunk) {
    const int64_t part = at * a.max_chunks + chunk;
    sums.add(a.partial_sums[part * 2], a.partial_sums[part * 2 + 1], a.partial[part * a.head_dim + d], value);
  }
  sums.add_sink(a.sinks, head, value);
  static_cast<T*>(a.out)[at * a.head_dim + d] = from_float<T>(sums.sum > 0 ? value / sums.sum : 0.0F);
}

}  // namespace swift::cuda
