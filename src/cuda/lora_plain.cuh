// The products of lora.h in fp32, for checking rather than speed, and factors rounded to a type.
#pragma once
#include "cuda/dropout.cuh"
#include "cuda/lora.h"
#include "cuda/reduce.cuh"

namespace swift::cuda {

constexpr int kPlainThreads = 256;

// A warp has a value of h.
__global__ void __launch_bounds__(kPlainThreads) project_rows_plain_kernel(ProjectRows a, DropoutMask mask) {
  mask.join();
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t i = int64_t{blockIdx.x} * (kPlainThreads / kWarpThreads) + warp;
  if (i >= a.rows * a.rank) return;
  const int64_t row = i / a.rank;
  const float* factor = static_cast<const float*>(a.factor) + i % a.rank * a.columns;
  float sum = 0;
  for (int column = lane; column < a.columns; column += kWarpThreads) {
    const int64_t index = row * a.columns + column;
    sum += static_cast<const float*>(a.x)[index] * dropout_factor(mask, index) * factor[column];
  }
  sum = warp_sum(sum);
  if (lane == 0) static_cast<float*>(a.h)[i] = sum * a.scale;
}

// A thread has a value of y.
__global__ void __launch_bounds__(kPlainThreads)
    add_projected_plain_kernel(AddProjected a, DropoutMask mask) {
  mask.join();
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (i >= a.rows * a.columns) return;
  const float* h = static_cast<const float*>(a.h) + i / a.columns * a.rank;
  const float* factor = static_cast<const float*>(a.factor) + i % a.columns * a.rank;
  float sum = 0;
  for (int rank = 0; rank < a.rank; ++rank) sum += h[rank] * factor[rank];
  static_cast<float*>(a.y)[i] += sum * dropout_factor(mask, i);
}

// A thread has a value of a slice's sum.
__global__ void __launch_bounds__(kPlainThreads) sum_outer_plain_kernel(SumOuter a, DropoutMask mask) {
  mask.join();
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (i >= int64_t{a.h_rank} * a.columns) return;
  const int slice = static_cast<int>(blockIdx.y);
  const int64_t column = i % a.columns, rank = i / a.columns;
  float sum = 0;
  for (int64_t row = slice * a.rows / a.slices; row < (slice + 1) * a.rows / a.slices; ++row) {
    const int64_t index = row * a.columns + column;
    sum += static_cast<const float*>(a.h)[row * a.h_rank + rank] * static_cast<const float*>(a.x)[index] *
           dropout_factor(mask, index);
  }
  a.partial[int64_t{slice} * a.h_rank * a.columns + i] = sum;
}

// A thread has a value of the wider factor.
template <class T>
__global__ void __launch_bounds__(kPlainThreads) round_factor_kernel(RoundFactor a) {
  const int64_t i = int64_t{blockIdx.x} * kPlainThreads + threadIdx.x;
  if (i >= int64_t{a.padded} * a.columns) return;
  const int64_t rank = i / a.columns, column = i % a.columns;
  float value = 0;
  if (rank < a.rank) value = a.from[a.from_transposed ? column * a.rank + rank : i];
  if (a.rows) static_cast<T*>(a.rows)[i] = from_float<T>(value);
  if (a.transposed) static_cast<T*>(a.transposed)[column * a.padded + rank] = from_float<T>(value);
}

}  // namespace swift::cuda
