// The kernel of paged_decode.h for fp32: a block has a chunk of one query head, a warp every fourth position.
#pragma once
#include "cuda/decode_merge.cuh"
#include "cuda/fp8.cuh"
#include "cuda/reduce.cuh"

namespace swift::cuda {

constexpr int kWideWarps = 4;
constexpr int kWideLane = 8;  // values of a lane: head_dim up to 256

__device__ __forceinline__ float stored_value(const void* pages, int64_t at, KvType type) {
  if (type == KvType::same) return static_cast<const float*>(pages)[at];
  const uint8_t code = static_cast<const uint8_t*>(pages)[at];
  return type == KvType::int8 ? static_cast<float>(static_cast<int8_t>(code)) : fp8_to_float(code);
}

__global__ void __launch_bounds__(kWideWarps* kWarpThreads) paged_decode_wide_kernel(PagedDecode a) {
  SWIFT_SHARED(float, merged, kWideWarps*(256 + 2));
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int chunk = static_cast<int>(blockIdx.x), head = static_cast<int>(blockIdx.y),
            row = static_cast<int>(blockIdx.z);
  const int kv_head = head / (a.heads / a.kv_heads), length = a.lengths[row];
  const int start = a.window > 0 ? max(0, length - a.window) : 0;
  const int begin = max(start, chunk * a.chunk_tokens), end = min(length, (chunk + 1) * a.chunk_tokens);
  if (begin >= end) return;
  const float* q = static_cast<const float*>(a.q) + (int64_t{row} * a.heads + head) * a.head_dim;
  float query[kWideLane], out[kWideLane] = {};
#pragma unroll
  for (int i = 0; i < kWideLane; ++i)
    query[i] = i * kWarpThreads + lane < a.head_dim ? q[i * kWarpThreads + lane] : 0.0F;
  Softmax sums;
  for (int position = begin + warp; position < end; position += kWideWarps) {
    const int page = a.block_table[int64_t{row} * a.table_stride + position / a.pages.page_tokens];
    const int64_t at =
        (int64_t{page} * a.kv_heads + kv_head) * a.pages.page_tokens + position % a.pages.page_tokens;
    const int64_t scale_at = a.pages.type == KvType::int8 ? at : kv_head;
    const bool coded = a.pages.type != KvType::same;
    float dot = 0;
#pragma unroll
    for (int i = 0; i < kWideLane; ++i) {
      const int d = i * kWarpThreads + lane;
      if (d < a.head_dim) dot += query[i] * stored_value(a.pages.keys, at * a.head_dim + d, a.pages.type);
    }
    dot = warp_sum(dot) * a.scale * (coded ? a.pages.key_scales[scale_at] : 1.0F);
    if (a.soft_cap > 0) dot = a.soft_cap * tanhf(dot / a.soft_cap);
    dot *= kLog2E;
    const float factor = coded ? a.pages.value_scales[scale_at] : 1.0F;
    const Softmax before = sums;
#pragma unroll
    for (int i = 0; i < kWideLane; ++i) {
      const int d = i * kWarpThreads + lane;
      sums = before;
      const float value =
          d < a.head_dim ? stored_value(a.pages.values, at * a.head_dim + d, a.pages.type) * factor : 0.0F;
      sums.add(dot, 1.0F, value, out[i]);
    }
  }
#pragma unroll
  for (int i = 0; i < kWideLane; ++i) merged[warp * 258 + i * kWarpThreads + lane] = out[i];
  if (lane == 0) {
    merged[warp * 258 + 256] = sums.largest;
    merged[warp * 258 + 257] = sums.sum;
  }
  __syncthreads();
  for (int d = static_cast<int>(threadIdx.x); d < a.head_dim; d += kWideWarps * kWarpThreads) {
    Softmax all;
    float value = 0;
    for (int w = 0; w < kWideWarps; ++w) {
      all.add(merged[w * 258 + 256], merged[w * 258 + 257], merged[w * 258 + d], value);
    }
    write_decoded<float>(a, row, head, chunk, d, all, value);
  }
}

}  // namespace swift::cuda
