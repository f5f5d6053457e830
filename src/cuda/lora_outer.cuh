// sum_outer of lora.h for 16-bit types: a block has 64 columns of x and a part of the rows, which come
// through registers (where dropout meets them) into one of two tiles in shared memory.
#pragma once
#include "cuda/dropout.cuh"
#include "cuda/lora.h"
#include "cuda/tiles.cuh"

namespace swift::cuda {

constexpr int kOuterThreads = 256, kOuterRows = 64, kOuterColumns = 64;

template <int Ranks>
struct OuterLayout {
  static constexpr int kX = kOuterRows * kTileRow<kOuterColumns>, kH = kOuterRows * kTileRow<Ranks>;
  static constexpr int kBytes = 2 * (kX + kH);
  static constexpr int kXPieces = kOuterRows * kOuterColumns / 8 / kOuterThreads;  // of 16 bytes, of a thread
  static constexpr int kHPieces = kOuterRows * Ranks / 8 / kOuterThreads;
  static_assert(kBytes <= kSharedOfBlock && kHPieces > 0);
};

template <int Ranks>
struct OuterTile {
  using Layout = OuterLayout<Ranks>;
  Pack<uint32_t, 4> x[Layout::kXPieces], h[Layout::kHPieces];

  // Rows from `first`; what does not exist becomes zeros.
  __device__ __forceinline__ void fetch(const SumOuter& a, const DropoutMask& mask, int64_t first,
                                        int64_t end, int first_column) {
    const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
    for (int i = 0; i < Layout::kXPieces; ++i) {
      const int at = i * kOuterThreads + thread, column = first_column + at % (kOuterColumns / 8) * 8;
      const int64_t row = first + at / (kOuterColumns / 8), index = row * a.columns + column;
      x[i] = {};
      if (row < end && column < a.columns) x[i] = load<4>(static_cast<const uint32_t*>(a.x) + index / 2);
      drop_eight(mask, index, x[i]);
    }
#pragma unroll
    for (int i = 0; i < Layout::kHPieces; ++i) {
      const int at = i * kOuterThreads + thread, rank = at % (Ranks / 8) * 8;
      const int64_t row = first + at / (Ranks / 8);
      h[i] = {};
      if (row < end && rank < a.h_rank)
        h[i] = load<4>(static_cast<const uint32_t*>(a.h) + (row * a.h_rank + rank) / 2);
    }
  }

  __device__ __forceinline__ void keep(unsigned char* to) const {
    const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
    for (int i = 0; i < Layout::kXPieces; ++i) {
      const int at = i * kOuterThreads + thread, row = at / (kOuterColumns / 8),
                piece = at % (kOuterColumns / 8);
      store(reinterpret_cast<uint32_t*>(to + row * kTileRow<kOuterColumns> + piece * 16), x[i]);
    }
#pragma unroll
    for (int i = 0; i < Layout::kHPieces; ++i) {
      const int at = i * kOuterThreads + thread, row = at / (Ranks / 8), piece = at % (Ranks / 8);
      store(reinterpret_cast<uint32_t*>(to + Layout::kX + row * kTileRow<Ranks> + piece * 16), h[i]);
    }
  }
};

// sum (16 columns of x x Ranks / 2) += x^T h of a tile.
template <class T, int Ranks>
__device__ __forceinline__ void multiply_outer(const unsigned char* tile, int first_column, int first_rank,
                                               int lane, float (&sum)[Ranks / 16][4]) {
#pragma unroll
  for (int k = 0; k < kOuterRows; k += 16) {
    uint32_t x[4];
    load_matrices_transposed(x, tile + (k + lane % 8 + lane / 16 * 8) * kTileRow<kOuterColumns> +
                                    (first_column + lane / 8 % 2 * 8) * 2);
#pragma unroll
    for (int n = 0; n < Ranks / 16; n += 2) {
      uint32_t h[4];
      load_matrices_transposed(h, tile + OuterLayout<Ranks>::kX + (k + lane % 16) * kTileRow<Ranks> +
                                      (first_rank + n * 8 + lane / 16 * 8) * 2);
      const uint32_t lower[2] = {h[0], h[1]}, upper[2] = {h[2], h[3]};
      mma_m16n8k16<T>(sum[n], x, lower);
      mma_m16n8k16<T>(sum[n + 1], x, upper);
    }
  }
}

// Block (columns, slice). Warps have 16 columns and half of the ranks.
template <class T, int Ranks>
__global__ void __launch_bounds__(kOuterThreads, 1) sum_outer_kernel(SumOuter a, DropoutMask mask) {
  mask.join();
  using Layout = OuterLayout<Ranks>;
  auto* shared = dynamic_shared<unsigned char>();
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int first_column = static_cast<int>(blockIdx.x) * kOuterColumns, slice = static_cast<int>(blockIdx.y);
  const int64_t tiles = ceil_div<int64_t>(a.rows, kOuterRows);
  const int64_t begin = slice * tiles / a.slices, end = (slice + 1) * tiles / a.slices;
  const int own_column = warp % 4 * 16, own_rank = warp / 4 * (Ranks / 2);
  float sum[Ranks / 16][4] = {};
  OuterTile<Ranks> next;
  if (begin < end) next.fetch(a, mask, begin * kOuterRows, a.rows, first_column);
  for (int64_t tile = begin; tile < end; ++tile) {
    unsigned char* to = shared + (tile - begin) % 2 * (Layout::kX + Layout::kH);
    next.keep(to);
    __syncthreads();  // the tile is there, and all are done with the one before the last
    if (tile + 1 < end) next.fetch(a, mask, (tile + 1) * kOuterRows, a.rows, first_column);
    if (own_rank < a.h_rank) multiply_outer<T, Ranks>(to, own_column, own_rank, lane, sum);
  }
#pragma unroll
  for (int n = 0; n < Ranks / 16; ++n) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int column = first_column + own_column + i / 2 * 8 + lane / 4;
      const int rank = own_rank + n * 8 + lane % 4 * 2 + i % 2;
      if (column < a.columns && rank < a.h_rank)
        a.partial[(int64_t{slice} * a.h_rank + rank) * a.columns + column] = sum[n][i] * mask.keep_scale;
    }
  }
}

// Thread (rank, column): the slices in their order.
__global__ void __launch_bounds__(kOuterThreads) finish_outer_kernel(SumOuter a) {
  const int64_t i = int64_t{blockIdx.x} * kOuterThreads + threadIdx.x;
  if (i >= int64_t{a.rank} * a.columns) return;
  const int64_t rank = i / a.columns, column = i % a.columns;
  float* to = a.sum + (a.transposed ? column * a.rank + rank : i);
  float sum = a.accumulate ? *to : 0.0F;
  for (int slice = 0; slice < a.slices; ++slice)
    sum += a.partial[(int64_t{slice} * a.h_rank + rank) * a.columns + column];
  *to = sum;
}

}  // namespace swift::cuda
