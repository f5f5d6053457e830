// What the attention kernels share: a sequence's rows and which keys a query sees.
#pragma once
#include "cuda/attention.h"
#include "cuda/tiles.cuh"

namespace swift::cuda {

constexpr int kAttentionWarps = 4;
constexpr int kAttentionThreads = kAttentionWarps * kWarpThreads;

struct AttentionSequence {
  int first_query, queries, first_key, keys, index;
  int offset;  // position of the first query

  __device__ __forceinline__ AttentionSequence(const Attention& a, int s) : index(s) {
    first_query = a.query_starts[s];
    queries = a.query_starts[s + 1] - first_query;
    first_key = a.block_table ? 0 : a.key_starts[s];
    keys = a.block_table ? a.lengths[s] : a.key_starts[s + 1] - first_key;
    offset = keys - queries;
  }

  // Where head_dim values of a query, key or value are, in rows of head_dim.
  __device__ __forceinline__ int64_t query_row(const Attention& a, int query, int head) const {
    return int64_t{first_query + query} * a.heads + head;
  }
  __device__ __forceinline__ int64_t key_row(const Attention& a, int key, int kv_head) const {
    if (!a.block_table) return int64_t{first_key + key} * a.kv_heads + kv_head;
    const int page = a.block_table[int64_t{index} * a.table_stride + key / a.page_tokens];
    return (int64_t{page} * a.kv_heads + kv_head) * a.page_tokens + key % a.page_tokens;
  }

  __device__ __forceinline__ bool sees(const Attention& a, int query, int key) const {
    const int position = offset + query;
    return query < queries && key < keys && (!a.causal || key <= position) &&
           (a.window == 0 || key > position - a.window);
  }
  // Keys that any of the queries [begin, end) sees are in [first_seen(begin), end_seen(end)).
  __device__ __forceinline__ int first_seen(const Attention& a, int begin) const {
    return a.window > 0 ? max(0, offset + begin - a.window + 1) : 0;
  }
  __device__ __forceinline__ int end_seen(const Attention& a, int end) const {
    return a.causal ? min(keys, offset + min(end, queries)) : keys;
  }
};

// take(stage, tile) for all tiles of shared memory, in order; request(stage, tile) asks for one and commits.
// All warps are past their last tile on return.
template <int Stages, class Request, class Take>
__device__ __forceinline__ void for_each_tile(int tiles, Request request, Take take) {
  if (tiles > 0) request(0, 0);
  for (int tile = 0; tile < tiles; ++tile) {
    cp_async_wait<0>();
    __syncthreads();  // the tile is there, and all are done with the one before
    if constexpr (Stages == 2) {
      if (tile + 1 < tiles) request((tile + 1) % 2, tile + 1);
      take(tile % 2, tile);
    } else {
      take(0, tile);
      __syncthreads();
      if (tile + 1 < tiles) request(0, tile + 1);
    }
  }
  cp_async_wait<0>();
  __syncthreads();
}

// Asks for Rows keys from `first_key`, and behind them as many values.
template <class T, int HeadDim, int Rows>
__device__ __forceinline__ void request_keys(const Attention& a, const AttentionSequence& sequence,
                                             int kv_head, int first_key, unsigned char* to) {
#pragma unroll
  for (int part = 0; part < 2; ++part) {
    const auto* from = static_cast<const T*>(part == 0 ? a.keys : a.values);
    request_rows<T, HeadDim, Rows, kAttentionThreads>(
        to + part * Rows * kTileRow<HeadDim>, [&](int row) -> const T* {
          if (first_key + row >= sequence.keys) return nullptr;
          return from + sequence.key_row(a, first_key + row, kv_head) * HeadDim;
        });
  }
}

// The logit of a product.
__device__ __forceinline__ float attention_logit(const Attention& a, float product) {
  const float logit = product * a.scale;
  return a.soft_cap > 0 ? a.soft_cap * tanhf(logit / a.soft_cap) : logit;
}

}  // namespace swift::cuda
