// Forward kernel of attention.h: a block has a tile of one head's queries, a warp 16 or 32 of them, and goes
// through the keys they see, two tiles in flight.
#pragma once
#include "cuda/attention_codes.cuh"

namespace swift::cuda {

template <int HeadDim, KvType Kind>
struct ForwardLayout {
  static constexpr int kTiles = HeadDim <= 128 ? 2 : 1;  // of 16 queries, of a warp
  // Of a tile. With int8's scales, more would not fit into registers.
  static constexpr int kKeys = HeadDim <= 64 ? 64 : Kind == KvType::int8 && HeadDim == 128 ? 16 : 32;
  static constexpr int kQueries = kAttentionWarps * kTiles * 16;
  static constexpr int kQueryBytes = kQueries * kTileRow<HeadDim>;
  static constexpr int kHalfTile = kKeys * kTileRow<HeadDim>;  // keys, then as much of values
  static constexpr bool kCoded = Kind != KvType::same;
  static constexpr int kCodes = 2 * kKeys * HeadDim;
  static constexpr int kScales = Kind == KvType::int8 ? 2 * kKeys * 4 : 0;
  static constexpr int kStage = kCoded ? kCodes + kScales : 2 * kHalfTile;
  static constexpr int kBytes = kQueryBytes + 2 * kStage + (kCoded ? 2 * kHalfTile + kScales : 0);
  static_assert(kBytes <= kSharedOfBlock);
};

template <class T, int HeadDim, KvType Kind>
struct ForwardWarp {
  using Layout = ForwardLayout<HeadDim, Kind>;
  static constexpr int kTiles = Layout::kTiles, kBlocks = Layout::kKeys / 8;
  const Attention& a;
  const AttentionSequence& sequence;
  int lane, first_query;  // of the warp
  float out[kTiles][HeadDim / 8][4];
  float largest[kTiles][2], sum[kTiles][2];  // of query 16 m + 8 half + lane / 4, in units of log2

  __device__ __forceinline__ ForwardWarp(const Attention& args, const AttentionSequence& s, int l, int first)
      : a(args), sequence(s), lane(l), first_query(first) {
    clear(out);
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        largest[m][half] = -INFINITY;
        sum[m][half] = 0;
      }
    }
  }

  __device__ __forceinline__ int query(int m, int half) const {
    return first_query + m * 16 + half * 8 + lane / 4;
  }

  // Products to logits in units of log2; what is not seen becomes -infinity. scales: of the tile's keys, int8
  // only.
  __device__ __forceinline__ void mask(float (&scores)[kTiles][kBlocks][4], int first_key, float key_scale,
                                       const float* scales) const {
    const int last = first_query + kTiles * 16 - 1;
    const bool whole =
        sequence.sees(a, first_query, first_key + Layout::kKeys - 1) && sequence.sees(a, last, first_key);
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int n = 0; n < kBlocks; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int column = n * 8 + lane % 4 * 2 + i % 2, key = first_key + column;
          float product = scores[m][n][i];
          if constexpr (Kind == KvType::int8) product *= scales[column];
          if constexpr (Kind == KvType::fp8) product *= key_scale;
          const float logit = attention_logit(a, product) * kLog2E;
          scores[m][n][i] = whole || sequence.sees(a, query(m, i / 2), key) ? logit : -INFINITY;
        }
      }
    }
  }

  // Logits to weights, relative to the largest so far. scales: of the tile's values, which the weights take
  // on, int8 only.
  __device__ __forceinline__ void soften(float (&scores)[kTiles][kBlocks][4], const float* scales) {
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float top = largest[m][half];
#pragma unroll
        for (int n = 0; n < kBlocks; ++n)
          top = fmaxf(top, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
        top = fmaxf(top, __shfl_xor_sync(kFullWarp, top, 1));
        top = fmaxf(top, __shfl_xor_sync(kFullWarp, top, 2));
        const float shift = top == -INFINITY ? 0.0F : top;
        const float shrink = exp2f(largest[m][half] - shift);
        largest[m][half] = top;
        sum[m][half] *= shrink;
#pragma unroll
        for (int n = 0; n < HeadDim / 8; ++n) {
          out[m][n][2 * half] *= shrink;
          out[m][n][2 * half + 1] *= shrink;
        }
#pragma unroll
        for (int n = 0; n < kBlocks; ++n) {
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; ++i) {
            scores[m][n][i] = exp2f(scores[m][n][i] - shift);
            sum[m][half] += scores[m][n][i];
            if constexpr (Kind == KvType::int8) scores[m][n][i] *= scales[n * 8 + lane % 4 * 2 + i % 2];
          }
        }
      }
    }
  }

  // keys: a tile of keys, one of values, and for int8 the scales of both.
  __device__ __forceinline__ void take(const unsigned char* queries, const unsigned char* keys, int first_key,
                                       float key_scale) {
    const auto* scales = reinterpret_cast<const float*>(keys + 2 * Layout::kHalfTile);
    float scores[kTiles][kBlocks][4];
    clear(scores);
    multiply_transposed<T, HeadDim, kTiles, Layout::kKeys>(scores, queries, keys, lane);
    mask(scores, first_key, key_scale, scales);
    soften(scores, scales + Layout::kKeys);
    multiply_weights<T, HeadDim, kTiles, Layout::kKeys>(out, scores, keys + Layout::kHalfTile, lane);
  }

  // Adds the sink, and turns `sum` into what the values are multiplied by.
  __device__ __forceinline__ void finish(int head, float* log_sums, float value_scale) {
#pragma unroll
    for (int m = 0; m < kTiles; ++m) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        float total = sum[m][half];
        total += __shfl_xor_sync(kFullWarp, total, 1);
        total += __shfl_xor_sync(kFullWarp, total, 2);
        float top = largest[m][half], shrink = 1;
        if (a.sinks) {
          const float sink = a.sinks[head] * kLog2E;
          top = fmaxf(top, sink);
          shrink = exp2f(largest[m][half] - top);
          total = total * shrink + exp2f(sink - top);
        }
        sum[m][half] = total > 0 ? shrink / total * value_scale : 0.0F;
        if (log_sums && lane % 4 == 0 && query(m, half) < sequence.queries) {
          log_sums[int64_t{head} * a.query_tokens + sequence.first_query + query(m, half)] =
              total > 0 ? (top + log2f(total)) / kLog2E : -INFINITY;
        }
      }
    }
  }
};

// Block (head, tile of queries, sequence); the last tiles of a sequence, which see most, come first.
template <class T, int HeadDim, KvType Kind>
__global__ void __launch_bounds__(kAttentionThreads)
    attention_forward_kernel(Attention a, void* out, float* log_sums) {
  using Layout = ForwardLayout<HeadDim, Kind>;
  auto* shared = dynamic_shared<unsigned char>();
  const AttentionSequence sequence(a, static_cast<int>(blockIdx.z));
  const int head = static_cast<int>(blockIdx.x), kv_head = head / (a.heads / a.kv_heads);
  const int first = static_cast<int>(gridDim.y - 1 - blockIdx.y) * Layout::kQueries;
  if (first >= sequence.queries) return;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int begin = sequence.first_seen(a, first) / Layout::kKeys * Layout::kKeys;
  const int end = sequence.end_seen(a, first + Layout::kQueries);
  request_rows<T, HeadDim, Layout::kQueries, kAttentionThreads>(shared, [&](int row) -> const T* {
    if (first + row >= sequence.queries) return nullptr;
    return static_cast<const T*>(a.q) + sequence.query_row(a, first + row, head) * HeadDim;
  });
  constexpr int kWarpQueries = Layout::kTiles * 16;
  unsigned char* queries = shared + warp * kWarpQueries * kTileRow<HeadDim>;
  unsigned char* stages = shared + Layout::kQueryBytes;
  ForwardWarp<T, HeadDim, Kind> own(a, sequence, lane, first + warp * kWarpQueries);
  const float key_scale = Kind == KvType::fp8 ? a.key_scales[kv_head] : 1.0F;
  for_each_tile<2>(
      max(0, ceil_div(end - begin, Layout::kKeys)),
      [&](int stage, int tile) {
        const int first_key = begin + tile * Layout::kKeys;
        unsigned char* to = stages + stage * Layout::kStage;
        if constexpr (Layout::kCoded) {
          request_codes<Kind, HeadDim, Layout::kKeys>(a, sequence, kv_head, first_key, to);
        } else {
          request_keys<T, HeadDim, Layout::kKeys>(a, sequence, kv_head, first_key, to);
        }
        cp_async_commit();
      },
      [&](int stage, int tile) {
        const unsigned char* keys = stages + stage * Layout::kStage;
        if constexpr (Layout::kCoded) {
          unsigned char* decoded = stages + 2 * Layout::kStage;
          decode_tiles<T, Kind, HeadDim, Layout::kKeys>(keys, decoded);
          __syncthreads();
          keys = decoded;
        }
        own.take(queries, keys, begin + tile * Layout::kKeys, key_scale);
      });
  own.finish(head, log_sums, Kind == KvType::fp8 ? a.value_scales[kv_head] : 1.0F);
  write_rows<T, HeadDim, Layout::kTiles>(
      own.out, queries, lane, [&](int m, int half) { return own.sum[m][half]; },
      [&](int row) -> T* {
        const int query = own.first_query + row;
        if (query >= sequence.queries) return nullptr;
        return static_cast<T*>(out) + sequence.query_row(a, query, head) * HeadDim;
      });
}

}  // namespace swift::cuda
