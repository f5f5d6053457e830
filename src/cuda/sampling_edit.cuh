// First kernel of sampling.h: edits the logits, and finds their largest and the sum of their exponentials by
// parts.
#pragma once
#include "cuda/order.cuh"
#include "cuda/reduce.cuh"
#include "cuda/sampling.h"

namespace swift::cuda {

constexpr int kEditThreads = 256;

__device__ __forceinline__ bool bit_of(const uint32_t* words, int i) {
  return (words[i / 32] >> (i % 32) & 1) != 0;
}

__device__ __forceinline__ float penalised(float logit, int id, const SamplingRow& row, const uint32_t* seen,
                                           const uint16_t* counts) {
  if (seen && row.repetition_penalty != 1.0F && bit_of(seen, id)) {
    logit = logit < 0 ? logit * row.repetition_penalty : logit / row.repetition_penalty;
  }
  if (counts && counts[id] != 0) {
    logit -= row.frequency_penalty * static_cast<float>(counts[id]) + row.presence_penalty;
  }
  return logit;
}

// Block (row, part).
template <class T>
__global__ void __launch_bounds__(kEditThreads) edit_logits_kernel(Sampling a) {
  SWIFT_SHARED(float, values, kSamplingPart);
  SWIFT_SHARED(float, scratch, 32);
  SWIFT_SHARED(uint64_t, bests, 32);
  const int thread = static_cast<int>(threadIdx.x), r = static_cast<int>(blockIdx.x);
  const SamplingRow row = a.rows[r];
  const int begin = static_cast<int>(blockIdx.y) * kSamplingPart, end = min(begin + kSamplingPart, a.vocab);
  const int words = ceil_div(a.vocab, 32);
  const uint32_t* seen = a.seen && row.slot >= 0 ? a.seen + int64_t{row.slot} * words : nullptr;
  const uint16_t* counts = a.counts && row.slot >= 0 ? a.counts + int64_t{row.slot} * a.vocab : nullptr;
  const uint32_t* mask = a.mask && row.mask_row >= 0 ? a.mask + int64_t{row.mask_row} * words : nullptr;
  const T* logits = static_cast<const T*>(a.logits) + r * a.stride;
  float raw_max = -INFINITY;
  int bad = 0;
  for (int id = begin + thread; id < end; id += kEditThreads) {
    const float raw = to_float(logits[id]);
    bad |= raw < INFINITY ? 0 : 1;
    raw_max = fmaxf(raw_max, raw);
    values[id - begin] = penalised(raw, id, row, seen, counts);
  }
  raw_max = block_max(raw_max, scratch);
  bad = __syncthreads_or(bad);
  for (int i = row.bias_begin + thread; i < row.bias_end; i += kEditThreads) {
    const int id = a.bias_ids[i];
    if (id >= begin && id < end) values[id - begin] += a.bias_values[i];
  }
  __syncthreads();
  uint64_t best = 0;
  float sum = 0;
  for (int id = begin + thread; id < end; id += kEditThreads) {
    float value = values[id - begin];
    if (mask && !bit_of(mask, id)) value = -INFINITY;
    a.edited[int64_t{r} * a.vocab + id] = value;
    const uint64_t candidate = ranked(value, id);
    best = candidate > best ? candidate : best;
    if (a.log_probs && raw_max > -INFINITY) sum += __expf(to_float(logits[id]) - raw_max);
  }
  best = warp_best(best);
  if (thread % kWarpThreads == 0) bests[thread / kWarpThreads] = best;
  sum = block_sum(sum, scratch);
  if (thread != 0) return;
  for (int i = 1; i < kEditThreads / kWarpThreads; ++i) best = bests[i] > best ? bests[i] : best;
  a.parts[int64_t{r} * gridDim.y + blockIdx.y] = {best, raw_max, sum, static_cast<uint32_t>(bad)};
}

}  // namespace swift::cuda
