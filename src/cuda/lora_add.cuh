// add_projected of lora.h for 16-bit types: a warp keeps 32 rows of h in registers and goes through tiles of
// 32 columns of y.
#pragma once
#include "cuda/dropout.cuh"
#include "cuda/lora.h"

namespace swift::cuda {

constexpr int kAddWarps = 8, kAddRows = 32, kAddColumns = 32;
constexpr int kAddTurns = 4;  // column tiles of a warp

// Lane 4 g + t has ranks 4 t .. 4 t + 3 of each 16, of the rows g and g + 8 of h and of a row of the factor.
template <int Steps>
__device__ __forceinline__ void load_h(const AddProjected& a, int64_t first_row, int lane,
                                       uint32_t (&h)[Steps][2][4]) {
#pragma unroll
  for (int step = 0; step < Steps; ++step) {
    const int rank = step * 16 + lane % 4 * 4;
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int64_t row = first_row + m * 16 + r * 8 + lane / 4;
        Pack<uint32_t, 2> pair{};
        if (row < a.rows && rank < a.rank)
          pair = load<2>(static_cast<const uint32_t*>(a.h) + (row * a.rank + rank) / 2);
        h[step][m][r] = pair[0];
        h[step][m][2 + r] = pair[1];
      }
    }
  }
}

// Adds to 8 columns of a row of y.
template <class T>
__device__ __forceinline__ void add_eight(const AddProjected& a, const DropoutMask& mask, int64_t index,
                                          const float (&sum)[8]) {
  T* y = static_cast<T*>(a.y) + index;
  auto values = load<8>(y);
#pragma unroll
  for (int quad = 0; quad < 2; ++quad) {
    const uint64_t bits = mask.threshold == 0 ? 0 : dropout_bits(mask.key, index / 4 + quad);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const bool keeps = mask.threshold == 0 || dropout_keeps(mask, bits, i);
      const float added = keeps ? sum[quad * 4 + i] * mask.keep_scale : 0.0F;
      values[quad * 4 + i] = from_float<T>(to_float(values[quad * 4 + i]) + added);
    }
  }
  store(y, values);
}

// Block (rows, columns). Place 2 t + i of block n of eight columns is column 8 t + 2 n + i, so that a lane
// has eight neighbours.
template <class T, int Steps>
__global__ void __launch_bounds__(kAddWarps* kWarpThreads, 1)
    add_projected_kernel(AddProjected a, DropoutMask mask) {
  mask.join();
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int g = lane / 4, t = lane % 4;
  const int64_t first_row = int64_t{blockIdx.x} * kAddRows;
  uint32_t h[Steps][2][4];
  load_h<Steps>(a, first_row, lane, h);
  for (int turn = 0; turn < kAddTurns; ++turn) {
    const int first = ((static_cast<int>(blockIdx.y) * kAddTurns + turn) * kAddWarps + warp) * kAddColumns;
    if (first >= a.columns) return;
    float sum[2][4][4] = {};
#pragma unroll
    for (int n = 0; n < 4; ++n) {
      const int column = first + g / 2 * 8 + n * 2 + g % 2;
#pragma unroll
      for (int step = 0; step < Steps; ++step) {
        const int rank = step * 16 + t * 4;
        Pack<uint32_t, 2> f{};
        if (column < a.columns && rank < a.rank)
          f = load<2>(static_cast<const uint32_t*>(a.factor) + (int64_t{column} * a.rank + rank) / 2);
        const uint32_t pair[2] = {f[0], f[1]};
        mma_m16n8k16<T>(sum[0][n], h[step][0], pair);
        mma_m16n8k16<T>(sum[1][n], h[step][1], pair);
      }
    }
    if (first + t * 8 >= a.columns) continue;
#pragma unroll
    for (int m = 0; m < 2; ++m) {
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int64_t row = first_row + m * 16 + r * 8 + g;
        if (row >= a.rows) continue;
        float eight[8];
#pragma unroll
        for (int i = 0; i < 8; ++i) eight[i] = sum[m][i / 2][2 * r + i % 2];
        add_eight<T>(a, mask, row * a.columns + first + t * 8, eight);
      }
    }
  }
}

}  // namespace swift::cuda
