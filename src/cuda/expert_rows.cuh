// Kernels of expert_rows.h. A thread has 16 bytes of a row at a time.
#pragma once
#include "cuda/dropout.cuh"
#include "cuda/expert_rows.h"
#include "cuda/reduce.cuh"

namespace swift::cuda {

constexpr int kRowThreads = 256;

__global__ void __launch_bounds__(kRowThreads) sort_rows_kernel(SortRows a, int pieces) {
  const int64_t i = int64_t{blockIdx.x} * kRowThreads + threadIdx.x;
  if (i >= a.choices * pieces) return;
  const int64_t row = a.order[i / pieces] / a.per_token;
  const auto* from = static_cast<const uint32_t*>(a.x) + (row * pieces + i % pieces) * 4;
  store(static_cast<uint32_t*>(a.rows) + i * 4, load<4>(from));
}

template <class T>
__global__ void __launch_bounds__(kRowThreads) combine_rows_kernel(CombineRows a) {
  constexpr int kWidth = kPackWidth<T>;
  const int pieces = a.columns / kWidth;
  const int64_t i = int64_t{blockIdx.x} * kRowThreads + threadIdx.x;
  if (i >= a.tokens * pieces) return;
  const int64_t token = i / pieces;
  const int column = static_cast<int>(i % pieces) * kWidth;
  float sum[kWidth] = {};
  for (int j = 0; j < a.per_token; ++j) {
    const int64_t choice = token * a.per_token + j;
    const auto row =
        load<kWidth>(static_cast<const T*>(a.rows) + int64_t{a.places[choice]} * a.columns + column);
    const float share = a.shares ? a.shares[choice] : 1.0F;
#pragma unroll
    for (int k = 0; k < kWidth; ++k) sum[k] += share * to_float(row[k]);
  }
  Pack<T, kWidth> y;
#pragma unroll
  for (int k = 0; k < kWidth; ++k) y[k] = from_float<T>(sum[k]);
  store(static_cast<T*>(a.y) + i * kWidth, y);
}

// A warp has a choice.
template <class T>
__global__ void __launch_bounds__(kRowThreads) combine_rows_backward_kernel(CombineRowsBackward a) {
  constexpr int kWidth = kPackWidth<T>;
  const CombineRows& f = a.forward;
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t choice = int64_t{blockIdx.x} * (kRowThreads / kWarpThreads) + warp;
  if (choice >= f.tokens * f.per_token) return;
  const int64_t at = int64_t{f.places[choice]} * f.columns;
  const T* dy = static_cast<const T*>(a.dy) + choice / f.per_token * f.columns;
  const float share = f.shares ? f.shares[choice] : 1.0F;
  float dot = 0;
  for (int column = lane * kWidth; column < f.columns; column += kWarpThreads * kWidth) {
    const auto d = load<kWidth>(dy + column);
    if (a.d_shares) {
      const auto row = load<kWidth>(static_cast<const T*>(f.rows) + at + column);
#pragma unroll
      for (int k = 0; k < kWidth; ++k) dot += to_float(row[k]) * to_float(d[k]);
    }
    Pack<T, kWidth> d_row;
#pragma unroll
    for (int k = 0; k < kWidth; ++k) d_row[k] = from_float<T>(share * to_float(d[k]));
    store(static_cast<T*>(a.d_rows) + at + column, d_row);
  }
  if (!a.d_shares) return;
  dot = warp_sum(dot);
  if (lane == 0) a.d_shares[choice] = dot;
}

// Block (tile). A thread has four values of a row at a time, which one hash decides.
template <class T>
__global__ void __launch_bounds__(kRowThreads) drop_expert_rows_kernel(DropExpertRows a, DropoutMask mask) {
  const ExpertTile tile = a.tiles[blockIdx.x];
  if (tile.expert < 0) return;
  mask.join();
  const uint64_t key = a.keys[tile.expert] + mask.key;
  const int64_t before = int64_t{tile.first - a.starts[tile.expert]} * a.columns,
                count = int64_t{tile.rows} * a.columns, first = int64_t{tile.first} * a.columns;
  const T* x = static_cast<const T*>(a.x) + first;
  T* y = static_cast<T*>(a.y) + first;
  for (int64_t at = int64_t{threadIdx.x} * 4; at < count; at += kRowThreads * 4) {
    const uint64_t bits = dropout_bits(key, (before + at) / 4);
    Pack<T, 4> pack = load_once<4>(x + at);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      pack[i] = from_float<T>(dropout_keeps(mask, bits, i) ? to_float(pack[i]) * mask.keep_scale : 0.0F);
    store(y + at, pack);
  }
}

}  // namespace swift::cuda
