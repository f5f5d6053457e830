// project_rows of lora.h for 16-bit types: a warp has 32 rows of x and all ranks, the warps of a block parts
// of the columns.
#pragma once
#include "cuda/dropout.cuh"
#include "cuda/lora.h"

namespace swift::cuda {

constexpr int kProjectWarps = 8, kProjectStep = 32;  // columns of a step
constexpr int kProjectTiles = 2;                     // of 16 rows, of a warp
constexpr int kProjectRows = kProjectTiles * 16;

// A warp's part of h: the products over its columns, by turns with `warps` others. Lane 4 g + t has columns 8
// t
// .. 8 t + 7 of a step, of the rows g and g + 8 of a tile and of the ranks g: which of them meet in one
// product of matrices does not matter to the sum.
template <class T, int Ranks>
__device__ __forceinline__ void multiply_factor(const ProjectRows& a, const DropoutMask& mask,
                                                int64_t first_row, int turn, int turns,
                                                float (&sum)[kProjectTiles][Ranks / 8][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads, g = lane / 4, t = lane % 4;
  const auto* x = static_cast<const uint32_t*>(a.x);
  const auto* factor = static_cast<const uint32_t*>(a.factor);
  for (int at = turn * kProjectStep + t * 8; at - t * 8 < a.columns; at += turns * kProjectStep) {
    const bool inside = at < a.columns;
    Pack<uint32_t, 4> own[kProjectTiles][2];
#pragma unroll
    for (int m = 0; m < kProjectTiles; ++m) {
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int64_t row = first_row + m * 16 + r * 8 + g, index = row * a.columns + at;
        own[m][r] = {};
        if (inside && row < a.rows) own[m][r] = load<4>(x + index / 2);
        drop_eight(mask, index, own[m][r]);
      }
    }
#pragma unroll
    for (int n = 0; n < Ranks / 8; ++n) {
      const int rank = n * 8 + g;
      Pack<uint32_t, 4> f{};
      if (inside && rank < a.rank) f = load<4>(factor + (int64_t{rank} * a.columns + at) / 2);
#pragma unroll
      for (int step = 0; step < 2; ++step) {
        const uint32_t pair[2] = {f[2 * step], f[2 * step + 1]};
#pragma unroll
        for (int m = 0; m < kProjectTiles; ++m) {
          const uint32_t rows[4] = {own[m][0][2 * step], own[m][1][2 * step], own[m][0][2 * step + 1],
                                    own[m][1][2 * step + 1]};
          mma_m16n8k16<T>(sum[m][n], rows, pair);
        }
      }
    }
  }
}

// Block (rows): Groups of 32. Their sums come together 32 ranks at a time.
template <class T, int Ranks, int Groups>
__global__ void __launch_bounds__(kProjectWarps* kWarpThreads, 1)
    project_rows_kernel(ProjectRows a, DropoutMask mask) {
  mask.join();
  constexpr int kTurns = kProjectWarps / Groups, kChunk = Ranks < 32 ? Ranks : 32;
  SWIFT_SHARED(float, sums, kProjectWarps* kProjectRows* kChunk);  // (groups, turns, rows, ranks)
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t first = int64_t{blockIdx.x} * Groups * kProjectRows;
  float sum[kProjectTiles][Ranks / 8][4] = {};
  multiply_factor<T, Ranks>(a, mask, first + warp / kTurns * kProjectRows, warp % kTurns, kTurns, sum);
  const float scale = a.scale * mask.keep_scale;
#pragma unroll
  for (int chunk = 0; chunk < Ranks / kChunk; ++chunk) {
#pragma unroll
    for (int m = 0; m < kProjectTiles; ++m) {
#pragma unroll
      for (int n = 0; n < kChunk / 8; ++n) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int row = m * 16 + i / 2 * 8 + lane / 4, rank = n * 8 + lane % 4 * 2 + i % 2;
          sums[(warp * kProjectRows + row) * kChunk + rank] = sum[m][chunk * (kChunk / 8) + n][i];
        }
      }
    }
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < Groups * kProjectRows * kChunk;
         i += kProjectWarps * kWarpThreads) {
      const int rank = chunk * kChunk + i % kChunk, group = i / (kProjectRows * kChunk);
      const int64_t row = first + i / kChunk;
      if (row >= a.rows || rank >= a.rank) continue;
      float total = 0;
      for (int turn = 0; turn < kTurns; ++turn)
        total += sums[(group * kTurns + turn) * kProjectRows * kChunk + i % (kProjectRows * kChunk)];
      static_cast<T*>(a.h)[row * a.rank + rank] = from_float<T>(total * scale);
    }
    __syncthreads();
  }
}

}  // namespace swift::cuda
