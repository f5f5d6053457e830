// Backward kernels of attention.h. Scores are made again from the log-sums, once for the gradient of the
// queries and once for that of keys and values: seven products instead of five, but no atomics and no fp32
// copy of dq.
#pragma once
#include "cuda/attention_scores.cuh"
#include "cuda/reduce.cuh"

namespace swift::cuda {

// A block keeps 64 rows of two matrices and goes through tiles of 32 rows of two others.
template <int HeadDim>
struct BackwardLayout {
  static constexpr int kKept = kAttentionWarps * 16, kMoving = 32;
  static constexpr int kKeptBytes = kKept * kTileRow<HeadDim>, kMovingBytes = kMoving * kTileRow<HeadDim>;
  static constexpr int kStages = 2 * kKeptBytes + 4 * kMovingBytes <= kSharedOfBlock ? 2 : 1;
  static constexpr int kBytes = 2 * kKeptBytes + kStages * 2 * kMovingBytes;
  static_assert(kBytes <= kSharedOfBlock);
};

using BackwardTile = float[1][4][4];  // 16 rows of a warp, 32 columns

// Asks for Rows queries from `first`, and behind them as many rows of d_out.
template <class T, int HeadDim, int Rows>
__device__ __forceinline__ void request_queries(const AttentionBackward& a, const AttentionSequence& sequence,
                                                int head, int first, unsigned char* to) {
#pragma unroll
  for (int part = 0; part < 2; ++part) {
    const auto* from = static_cast<const T*>(part == 0 ? a.forward.q : a.d_out);
    request_rows<T, HeadDim, Rows, kAttentionThreads>(
        to + part * Rows * kTileRow<HeadDim>, [&](int row) -> const T* {
          if (first + row >= sequence.queries) return nullptr;
          return from + sequence.query_row(a.forward, first + row, head) * HeadDim;
        });
  }
}

struct QueryScalars {
  float log_sum, dot;
};
__device__ __forceinline__ QueryScalars query_scalars(const AttentionBackward& a,
                                                      const AttentionSequence& sequence, int head,
                                                      int query) {
  if (query >= sequence.queries) return {0.0F, 0.0F};
  const int64_t at = int64_t{head} * a.forward.query_tokens + sequence.first_query + query;
  return {a.log_sums[at], a.dots[at]};
}

// Turns a product into the key's weight, and the weight's gradient into that of the product over scale.
__device__ __forceinline__ void score_gradient(const Attention& a, bool seen, const QueryScalars& of_query,
                                               float& score, float& gradient) {
  const float logit = attention_logit(a, score);
  score = seen ? exp2f((logit - of_query.log_sum) * kLog2E) : 0.0F;
  gradient = score * (gradient - of_query.dot);
  if (a.soft_cap > 0) gradient *= 1.0F - logit * logit / (a.soft_cap * a.soft_cap);
}

// Warp i of the grid: out * d_out summed, of one token and head.
template <class T>
__global__ void __launch_bounds__(kAttentionThreads) attention_dots_kernel(AttentionBackward a) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t row = int64_t{blockIdx.x} * kAttentionWarps + warp;
  const int head_dim = a.forward.head_dim;
  if (row >= int64_t{a.forward.query_tokens} * a.forward.heads) return;
  const auto* out = static_cast<const T*>(a.out) + row * head_dim;
  const auto* d_out = static_cast<const T*>(a.d_out) + row * head_dim;
  float sum = 0;
  for (int d = lane * 2; d < head_dim; d += 2 * kWarpThreads) {
    const auto x = load<2>(out + d), y = load<2>(d_out + d);
    sum += to_float(x[0]) * to_float(y[0]) + to_float(x[1]) * to_float(y[1]);
  }
  sum = warp_sum(sum);
  if (lane == 0) a.dots[row % a.forward.heads * a.forward.query_tokens + row / a.forward.heads] = sum;
}

// Block (head): a sink's gradient is less its weight times the dots.
__global__ void __launch_bounds__(256) attention_sinks_kernel(AttentionBackward a) {
  SWIFT_SHARED(float, scratch, 32);
  const int head = static_cast<int>(blockIdx.x);
  const int64_t first = int64_t{head} * a.forward.query_tokens;
  float sum = 0;
  for (int t = static_cast<int>(threadIdx.x); t < a.forward.query_tokens; t += 256)
    sum -= exp2f((a.forward.sinks[head] - a.log_sums[first + t]) * kLog2E) * a.dots[first + t];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) a.d_sinks[head] = sum;
}

// dq. Block (head, tile of queries, sequence). Without the 1 nvcc stops at 128 registers and spills one.
template <class T, int HeadDim>
__global__ void __launch_bounds__(kAttentionThreads, 1) attention_dq_kernel(AttentionBackward a) {
  using Layout = BackwardLayout<HeadDim>;
  auto* shared = dynamic_shared<unsigned char>();
  const Attention& f = a.forward;
  const AttentionSequence sequence(f, static_cast<int>(blockIdx.z));
  const int head = static_cast<int>(blockIdx.x), kv_head = head / (f.heads / f.kv_heads);
  const int first = static_cast<int>(gridDim.y - 1 - blockIdx.y) * Layout::kKept;
  if (first >= sequence.queries) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int begin = sequence.first_seen(f, first) / Layout::kMoving * Layout::kMoving;
  const int end = sequence.end_seen(f, first + Layout::kKept);
  request_queries<T, HeadDim, Layout::kKept>(a, sequence, head, first, shared);
  const int query = first + warp * 16 + lane / 4;
  const QueryScalars of_query[2] = {query_scalars(a, sequence, head, query),
                                    query_scalars(a, sequence, head, query + 8)};
  unsigned char* queries = shared + warp * 16 * kTileRow<HeadDim>;
  unsigned char* stages = shared + 2 * Layout::kKeptBytes;
  float dq[1][HeadDim / 8][4];
  clear(dq);
  for_each_tile<Layout::kStages>(
      max(0, ceil_div(end - begin, Layout::kMoving)),
      [&](int stage, int tile) {
        request_keys<T, HeadDim, Layout::kMoving>(f, sequence, kv_head, begin + tile * Layout::kMoving,
                                                  stages + stage * 2 * Layout::kMovingBytes);
        cp_async_commit();
      },
      [&](int stage, int tile) {
        const unsigned char* keys = stages + stage * 2 * Layout::kMovingBytes;
        BackwardTile scores, gradients;
        clear(scores);
        clear(gradients);
        multiply_transposed<T, HeadDim, 1, 32>(scores, queries, keys, lane);
        multiply_transposed<T, HeadDim, 1, 32>(gradients, queries + Layout::kKeptBytes,
                                               keys + Layout::kMovingBytes, lane);
#pragma unroll
        for (int n = 0; n < 4; ++n) {
#pragma unroll
          for (int i = 0; i < 4; ++i) {
            const int key = begin + tile * Layout::kMoving + n * 8 + lane % 4 * 2 + i % 2;
            score_gradient(f, sequence.sees(f, query + i / 2 * 8, key), of_query[i / 2], scores[0][n][i],
                           gradients[0][n][i]);
          }
        }
        multiply_weights<T, HeadDim, 1, 32>(dq, gradients, keys, lane);
      });
  write_rows<T, HeadDim, 1>(
      dq, queries, lane, [&](int, int) { return f.scale; },
      [&](int row) -> T* {
        const int at = first + warp * 16 + row;
        if (at >= sequence.queries) return nullptr;
        return static_cast<T*>(a.dq) + sequence.query_row(f, at, head) * HeadDim;
      });
}

// Queries that see any of the keys [first, first + count), in tiles.
struct SeeingQueries {
  int begin, tiles;
  __device__ __forceinline__ SeeingQueries(const Attention& a, const AttentionSequence& s, int first,
                                           int count, int tile) {
    begin = a.causal ? max(0, first - s.offset) : 0;
    int end = s.queries;
    if (a.window > 0) end = min(end, first + count - 1 + a.window - s.offset);
    tiles = max(0, ceil_div(end - begin, tile));
  }
};

// score_gradient of a tile whose rows are keys, `key` and `key` + 8 this lane's, and whose columns are
// queries.
__device__ __forceinline__ void column_gradients(const AttentionBackward& a,
                                                 const AttentionSequence& sequence, int head, int first_query,
                                                 int key, int lane, BackwardTile& scores,
                                                 BackwardTile& gradients) {
#pragma unroll
  for (int n = 0; n < 4; ++n) {
#pragma unroll
    for (int column = 0; column < 2; ++column) {
      const int query = first_query + n * 8 + lane % 4 * 2 + column;
      const QueryScalars of_query = query_scalars(a, sequence, head, query);
#pragma unroll
      for (int i = column; i < 4; i += 2) {
        score_gradient(a.forward, sequence.sees(a.forward, query, key + i / 2 * 8), of_query, scores[0][n][i],
                       gradients[0][n][i]);
      }
    }
  }
}

// dk, dv or both, as registers allow. Block (key head, tile of keys, sequence): the heads that share it one
// after another. Rows of a warp's tiles are keys, columns queries.
template <class T, int HeadDim, bool OfKeys, bool OfValues>
__global__ void __launch_bounds__(kAttentionThreads) attention_dkv_kernel(AttentionBackward a) {
  using Layout = BackwardLayout<HeadDim>;
  auto* shared = dynamic_shared<unsigned char>();
  const Attention& f = a.forward;
  const AttentionSequence sequence(f, static_cast<int>(blockIdx.z));
  const int kv_head = static_cast<int>(blockIdx.x), group = f.heads / f.kv_heads;
  const int first = static_cast<int>(blockIdx.y) * Layout::kKept;
  if (first >= sequence.keys) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const SeeingQueries seeing(f, sequence, first, Layout::kKept, Layout::kMoving);
  request_keys<T, HeadDim, Layout::kKept>(f, sequence, kv_head, first, shared);
  cp_async_commit();
  unsigned char* keys = shared + warp * 16 * kTileRow<HeadDim>;
  unsigned char* values = keys + Layout::kKeptBytes;
  unsigned char* stages = shared + 2 * Layout::kKeptBytes;
  float dk[1][OfKeys ? HeadDim / 8 : 1][4], dv[1][OfValues ? HeadDim / 8 : 1][4];
  clear(dk);
  clear(dv);
  for_each_tile<Layout::kStages>(
      seeing.tiles * group,
      [&](int stage, int tile) {
        request_queries<T, HeadDim, Layout::kMoving>(a, sequence, kv_head * group + tile / seeing.tiles,
                                                     seeing.begin + tile % seeing.tiles * Layout::kMoving,
                                                     stages + stage * 2 * Layout::kMovingBytes);
        cp_async_commit();
      },
      [&](int stage, int tile) {
        const unsigned char* queries = stages + stage * 2 * Layout::kMovingBytes;
        const unsigned char* d_out = queries + Layout::kMovingBytes;
        const int head = kv_head * group + tile / seeing.tiles;
        const int first_query = seeing.begin + tile % seeing.tiles * Layout::kMoving;
        BackwardTile scores, gradients;
        clear(scores);
        clear(gradients);
        multiply_transposed<T, HeadDim, 1, 32>(scores, keys, queries, lane);
        if constexpr (OfKeys) multiply_transposed<T, HeadDim, 1, 32>(gradients, values, d_out, lane);
        column_gradients(a, sequence, head, first_query, first + warp * 16 + lane / 4, lane, scores,
                         gradients);
        if constexpr (OfValues) multiply_weights<T, HeadDim, 1, 32>(dv, scores, d_out, lane);
        if constexpr (OfKeys) multiply_weights<T, HeadDim, 1, 32>(dk, gradients, queries, lane);
      });
  const auto target = [&](void* to) {
    return [&, to](int row) -> T* {
      const int at = first + warp * 16 + row;
      if (at >= sequence.keys) return nullptr;
      return static_cast<T*>(to) + sequence.key_row(f, at, kv_head) * HeadDim;
    };
  };
  if constexpr (OfKeys)
    write_rows<T, HeadDim, 1>(
        dk, keys, lane, [&](int, int) { return f.scale; }, target(a.dk));
  if constexpr (OfValues)
    write_rows<T, HeadDim, 1>(
        dv, values, lane, [&](int, int) { return 1.0F; }, target(a.dv));
}

}  // namespace swift::cuda
