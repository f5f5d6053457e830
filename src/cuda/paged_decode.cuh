// Kernels of paged_decode.h for 16-bit types: the query heads of a key head are the rows of a matrix tile,
// warps have every fourth tile of 16 positions, each with its own pipeline of cp.async, and are merged at the
// end.
#pragma once
#include "cuda/decode_merge.cuh"
#include "cuda/kv_codes.cuh"
#include "cuda/paged_decode.h"
#include "cuda/tiles.cuh"

namespace swift::cuda {

constexpr int kTile = 16;      // positions of a tile
constexpr int kHeadRows = 16;  // query heads of a block

// The sizes of shared memory, in bytes. Rows are 16 bytes longer than their values, so that eight rows start
// in different banks.
template <class T, KvType Kind, int HeadDim>
struct DecodeLayout {
  static constexpr int kValueBytes = Kind == KvType::same ? 2 : 1;
  static constexpr int kRow = HeadDim * kValueBytes + 16;
  static constexpr int kScales = Kind == KvType::int8 ? 2 * kTile * 4 : 0;  // of keys, then of values
  static constexpr int kStage = 2 * kTile * kRow + kScales;
  static constexpr int kQueryRow = HeadDim * 2 + 16;
  static constexpr int kQuery = kHeadRows * kQueryRow;
  // A third stage where sm_89's 99 KiB hold it; the others' blocks share a multiprocessor instead.
  static constexpr int kWarps = kRow > 300 ? 2 : 4;
  static constexpr int kStages = kQuery + kWarps * 3 * kStage <= kSharedOfBlock ? 3 : 2;
  static constexpr int kThreads = kWarps * kWarpThreads;
  static constexpr int kPipeline = kWarps * kStages * kStage;
  static constexpr int kMerge = kWarps * kHeadRows * (HeadDim + 2) * 4;
  static constexpr int kBytes = kQuery + (kPipeline > kMerge ? kPipeline : kMerge);
  static_assert(kBytes <= kSharedOfBlock);
};

// What a block does: chunk, sequence, heads.
struct DecodeWork {
  int row, kv_head, first_head, head_count, begin, end;
};

template <class T, KvType Kind, int HeadDim>
struct DecodeWarp {
  using Layout = DecodeLayout<T, Kind, HeadDim>;
  const PagedDecode& a;
  const DecodeWork& work;
  unsigned char* stages;  // this warp's
  const unsigned char* query;
  int lane;
  float out[HeadDim / 8][4];
  float largest[2], sum[2];

  __device__ __forceinline__ DecodeWarp(const PagedDecode& args, const DecodeWork& w, unsigned char* own,
                                        const unsigned char* q, int l)
      : a(args), work(w), stages(own), query(q), lane(l) {
#pragma unroll
    for (int n = 0; n < HeadDim / 8; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) out[n][i] = 0;
    }
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      largest[i] = -INFINITY;
      sum[i] = 0;
    }
  }

  // Asks for the 16 positions from `first`; those past the end become zeros.
  __device__ __forceinline__ void request(int stage, int first) {
    if (first < work.end) {
      const int page = a.block_table[int64_t{work.row} * a.table_stride + first / a.pages.page_tokens];
      const int64_t row =
          (int64_t{page} * a.kv_heads + work.kv_head) * a.pages.page_tokens + first % a.pages.page_tokens;
      unsigned char* to = stages + stage * Layout::kStage;
      constexpr int kBytes = HeadDim * Layout::kValueBytes, kPieces = kBytes / 16;
      const auto* keys = static_cast<const unsigned char*>(a.pages.keys) + row * kBytes;
      const auto* values = static_cast<const unsigned char*>(a.pages.values) + row * kBytes;
#pragma unroll
      for (int i = lane; i < kTile * kPieces; i += kWarpThreads) {
        const int r = i / kPieces, piece = i % kPieces * 16;
        const bool valid = first + r < work.end;
        cp_async<16>(to + r * Layout::kRow + piece, keys + r * kBytes + piece, valid);
        cp_async<16>(to + (kTile + r) * Layout::kRow + piece, values + r * kBytes + piece, valid);
      }
      if constexpr (Kind == KvType::int8) {
        const int r = lane % kTile;
        const float* scales = lane < kTile ? a.pages.key_scales : a.pages.value_scales;
        cp_async<4>(to + 2 * kTile * Layout::kRow + lane * 4, scales + row + r, first + r < work.end);
      }
    }
    cp_async_commit();
  }

  // The fragments of eight positions' keys (words of two features) for features k .. k + 15, twice.
  __device__ __forceinline__ void key_fragments(const unsigned char* keys, int k, uint32_t (&b)[4]) const {
    if constexpr (Kind == KvType::same) {
      const int row = lane % 8 + lane / 16 * 8, column = k + lane / 8 % 2 * 8;
      load_matrices(b, keys + row * Layout::kRow + column * 2);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto* from = keys + (lane / 4 + i / 2 * 8) * Layout::kRow + k + lane % 4 * 2 + i % 2 * 8;
        const auto codes = load<2>(from);
        b[i] = pack_pair<T>(decode_byte<Kind>(codes[0]), decode_byte<Kind>(codes[1]));
      }
    }
  }

  // Of values (words of two positions) for features n .. n + 15.
  __device__ __forceinline__ void value_fragments(const unsigned char* values, int n,
                                                  uint32_t (&b)[4]) const {
    if constexpr (Kind == KvType::same) {
      load_matrices_transposed(b, values + lane % 16 * Layout::kRow + (n + lane / 16 * 8) * 2);
    } else {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto* from = values + (lane % 4 * 2 + i % 2 * 8) * Layout::kRow + n + lane / 4 + i / 2 * 8;
        b[i] = pack_pair<T>(decode_byte<Kind>(from[0]), decode_byte<Kind>(from[Layout::kRow]));
      }
    }
  }

  // Products of the queries with a tile's keys, in units of log2: scores[block][register].
  __device__ __forceinline__ void products(const unsigned char* tile, int first, float scale,
                                           float (&scores)[2][4]) const {
#pragma unroll
    for (int k = 0; k < HeadDim; k += 16) {
      uint32_t q[4], b[4];
      load_matrices(q, query + lane % 16 * Layout::kQueryRow + (k + lane / 16 * 8) * 2);
      key_fragments(tile, k, b);
      const uint32_t lower[2] = {b[0], b[1]}, upper[2] = {b[2], b[3]};
      mma_m16n8k16<T>(scores[0], q, lower);
      mma_m16n8k16<T>(scores[1], q, upper);
    }
    const auto* scales = reinterpret_cast<const float*>(tile + 2 * kTile * Layout::kRow);
#pragma unroll
    for (int block = 0; block < 2; ++block) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const int at = block * 8 + lane % 4 * 2 + i % 2;
        float s = scores[block][i] * scale;
        if constexpr (Kind == KvType::int8) s *= scales[at];
        if (a.soft_cap > 0) s = a.soft_cap * tanhf(s / a.soft_cap);
        const int position = first + at;
        scores[block][i] = position >= work.begin && position < work.end ? s * kLog2E : -INFINITY;
      }
    }
  }

  __device__ __forceinline__ void take(int stage, int first, float scale) {
    const unsigned char* tile = stages + stage * Layout::kStage;
    float scores[2][4] = {};
    products(tile, first, scale, scores);
    const auto* scales = reinterpret_cast<const float*>(tile + 2 * kTile * Layout::kRow) + kTile;
#pragma unroll
    for (int half = 0; half < 2; ++half) {  // query row lane / 4, then the eighth below
      float top = largest[half];
#pragma unroll
      for (int block = 0; block < 2; ++block)
        top = fmaxf(top, fmaxf(scores[block][2 * half], scores[block][2 * half + 1]));
      top = fmaxf(top, __shfl_xor_sync(kFullWarp, top, 1));
      top = fmaxf(top, __shfl_xor_sync(kFullWarp, top, 2));
      const float shift = top == -INFINITY ? 0.0F : top;
      const float shrink = exp2f(largest[half] - shift);
      largest[half] = top;
      sum[half] *= shrink;
#pragma unroll
      for (int n = 0; n < HeadDim / 8; ++n) {
        out[n][2 * half] *= shrink;
        out[n][2 * half + 1] *= shrink;
      }
#pragma unroll
      for (int block = 0; block < 2; ++block) {
#pragma unroll
        for (int i = 2 * half; i < 2 * half + 2; ++i) {
          scores[block][i] = exp2f(scores[block][i] - shift);
          sum[half] += scores[block][i];
          if constexpr (Kind == KvType::int8) scores[block][i] *= scales[block * 8 + lane % 4 * 2 + i % 2];
        }
      }
    }
    const uint32_t p[4] = {pack_pair<T>(scores[0][0], scores[0][1]), pack_pair<T>(scores[0][2], scores[0][3]),
                           pack_pair<T>(scores[1][0], scores[1][1]),
                           pack_pair<T>(scores[1][2], scores[1][3])};
#pragma unroll
    for (int n = 0; n < HeadDim; n += 16) {
      uint32_t b[4];
      value_fragments(tile + kTile * Layout::kRow, n, b);
      const uint32_t lower[2] = {b[0], b[1]}, upper[2] = {b[2], b[3]};
      mma_m16n8k16<T>(out[n / 8], p, lower);
      mma_m16n8k16<T>(out[n / 8 + 1], p, upper);
    }
  }

  // This warp's tiles of the chunk, from `first` on.
  __device__ __forceinline__ void run(int first, float scale) {
    constexpr int kStride = Layout::kWarps * kTile;
#pragma unroll
    for (int s = 0; s < Layout::kStages - 1; ++s) request(s, first + s * kStride);
    int stage = 0;
    for (int at = first; at < work.end; at += kStride) {
      cp_async_wait<Layout::kStages - 2>();
      __syncwarp();  // all lanes' copies are there, and all are done with the stage that is asked for next
      request((stage + Layout::kStages - 1) % Layout::kStages, at + (Layout::kStages - 1) * kStride);
      take(stage, at, scale);
      stage = (stage + 1) % Layout::kStages;
    }
    cp_async_wait<0>();
  }

  // Rows of the tile to shared memory: (rows, HeadDim + 2), with the largest product and the sum at their
  // ends.
  __device__ __forceinline__ void write(float* to) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const int row = lane / 4 + half * 8;
      sum[half] += __shfl_xor_sync(kFullWarp, sum[half], 1);
      sum[half] += __shfl_xor_sync(kFullWarp, sum[half], 2);
      float* own = to + row * (HeadDim + 2);
#pragma unroll
      for (int n = 0; n < HeadDim / 8; ++n) {
        own[n * 8 + lane % 4 * 2] = out[n][2 * half];
        own[n * 8 + lane % 4 * 2 + 1] = out[n][2 * half + 1];
      }
      if (lane % 4 == 0) {
        own[HeadDim] = largest[half];
        own[HeadDim + 1] = sum[half];
      }
    }
  }
};

template <class T, int HeadDim, class Layout>
__device__ __forceinline__ void load_queries(const PagedDecode& a, const DecodeWork& work,
                                             unsigned char* to) {
  constexpr int kPieces = HeadDim / 8;
  for (int i = static_cast<int>(threadIdx.x); i < kHeadRows * kPieces; i += Layout::kThreads) {
    const int row = i / kPieces, piece = i % kPieces * 8;
    Pack<T, 8> pack{};
    if (row < work.head_count) {
      pack = load<8>(static_cast<const T*>(a.q) +
                     (int64_t{work.row} * a.heads + work.first_head + row) * HeadDim + piece);
    }
    store(reinterpret_cast<T*>(to + row * Layout::kQueryRow) + piece, pack);
  }
}

// Block (chunk, part of the heads, sequence).
template <class T, KvType Kind, int HeadDim>
__global__ void __launch_bounds__(DecodeLayout<T, Kind, HeadDim>::kThreads)
    paged_decode_kernel(PagedDecode a) {
  using Layout = DecodeLayout<T, Kind, HeadDim>;
  auto* shared = dynamic_shared<unsigned char>();
  const int group = a.heads / a.kv_heads, parts = ceil_div(group, kHeadRows);
  const int chunk = static_cast<int>(blockIdx.x), row = static_cast<int>(blockIdx.z);
  const int kv_head = static_cast<int>(blockIdx.y) / parts, part = static_cast<int>(blockIdx.y) % parts;
  const int length = a.lengths[row];
  const int start = a.window > 0 ? max(0, length - a.window) : 0;
  const int begin = max(start, chunk * a.chunk_tokens), end = min(length, (chunk + 1) * a.chunk_tokens);
  const DecodeWork work{
      row, kv_head, kv_head * group + part * kHeadRows, min(kHeadRows, group - part * kHeadRows), begin, end};
  if (begin >= end) return;
  load_queries<T, HeadDim, Layout>(a, work, shared);
  __syncthreads();
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  float scale = a.scale, value_scale = 1;
  if constexpr (Kind == KvType::fp8) {
    scale *= a.pages.key_scales[kv_head];
    value_scale = a.pages.value_scales[kv_head];
  }
  DecodeWarp<T, Kind, HeadDim> own(a, work, shared + Layout::kQuery + warp * Layout::kStages * Layout::kStage,
                                   shared, lane);
  own.run(begin / kTile * kTile + warp * kTile, scale);
  __syncthreads();  // the stages are free
  auto* merged = reinterpret_cast<float*>(shared + Layout::kQuery);
  own.write(merged + warp * kHeadRows * (HeadDim + 2));
  __syncthreads();
  for (int i = static_cast<int>(threadIdx.x); i < work.head_count * HeadDim; i += Layout::kThreads) {
    const int head = i / HeadDim, d = i % HeadDim;
    Softmax sums;
    float value = 0;
    for (int w = 0; w < Layout::kWarps; ++w) {
      const float* from = merged + (w * kHeadRows + head) * (HeadDim + 2);
      sums.add(from[HeadDim], from[HeadDim + 1], from[d], value);
    }
    write_decoded<T>(a, row, work.first_head + head, chunk, d, sums, value * value_scale);
  }
}

}  // namespace swift::cuda
