// Kernels of rms_norm.h: a block has one row at a time, in registers.
#pragma once
#include "cuda/reduce.cuh"
#include "cuda/rms_norm.h"

namespace swift::cuda {

// Width values an access, Packs accesses a thread: the block covers Width * Packs * threads values.
template <class T, int Width, int Packs>
__global__ void __launch_bounds__(1024) rms_norm_forward_kernel(RmsNormForward a) {
  SWIFT_SHARED(float, scratch, 32);
  const int64_t start = int64_t{blockIdx.x} * a.hidden;
  const T* x = static_cast<const T*>(a.x) + start;
  float row[Packs][Width];
  float squares = 0;
#pragma unroll
  for (int p = 0; p < Packs; ++p) {
    const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width;
    if (at >= a.hidden) continue;
    auto pack = load<Width>(x + at);
    if (a.residual) {
      const auto other = load<Width>(static_cast<const T*>(a.residual) + start + at);
#pragma unroll
      for (int i = 0; i < Width; ++i) pack[i] = from_float<T>(to_float(pack[i]) + to_float(other[i]));
      store(static_cast<T*>(a.sum) + start + at, pack);
    }
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      row[p][i] = to_float(pack[i]);
      squares += row[p][i] * row[p][i];
    }
  }
  const float scale = rsqrtf(block_sum(squares, scratch) / static_cast<float>(a.hidden) + a.eps);
  if (a.inverse_rms && threadIdx.x == 0) a.inverse_rms[blockIdx.x] = scale;
#pragma unroll
  for (int p = 0; p < Packs; ++p) {
    const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width;
    if (at >= a.hidden) continue;
    auto pack = load<Width>(static_cast<const T*>(a.weight) + at);
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      pack[i] = from_float<T>(to_float(from_float<T>(row[p][i] * scale)) * to_float(pack[i]));
    }
    store(static_cast<T*>(a.y) + start + at, pack);
  }
}

// dx = s (g - x s^2 mean(g x)) with g = dy w and s the inverse root mean square. Block b has the rows
// b, b + gridDim.x, …, and adds their share of dw up in registers.
template <class T, int Width, int Packs, bool WithWeight>
__global__ void __launch_bounds__(1024) rms_norm_backward_kernel(RmsNormBackward a) {
  SWIFT_SHARED(float, scratch, 32);
  float dweight[WithWeight ? Packs : 1][Width] = {};
  for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) {
    const int64_t start = r * a.hidden;
    const float scale = a.inverse_rms[r];
    Pack<T, Width> x[Packs], dy[Packs];
    float dot = 0;
#pragma unroll
    for (int p = 0; p < Packs; ++p) {
      const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width;
      if (at >= a.hidden) continue;
      x[p] = load<Width>(static_cast<const T*>(a.x) + start + at);
      dy[p] = load<Width>(static_cast<const T*>(a.dy) + start + at);
      const auto weight = load<Width>(static_cast<const T*>(a.weight) + at);
#pragma unroll
      for (int i = 0; i < Width; ++i) {
        const float product = to_float(dy[p][i]) * to_float(x[p][i]);
        dot += product * to_float(weight[i]);
        if constexpr (WithWeight) dweight[p][i] += product * scale;
      }
    }
    const float shift = block_sum(dot, scratch) * scale * scale / static_cast<float>(a.hidden);
#pragma unroll
    for (int p = 0; p < Packs; ++p) {
      const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width;
      if (at >= a.hidden) continue;
      const auto weight = load<Width>(static_cast<const T*>(a.weight) + at);
      Pack<T, Width> more{};
      if (a.dsum) more = load<Width>(static_cast<const T*>(a.dsum) + start + at);
#pragma unroll
      for (int i = 0; i < Width; ++i) {
        const float g = to_float(dy[p][i]) * to_float(weight[i]);
        float dx = scale * (g - to_float(x[p][i]) * shift);
        if (a.dsum) dx += to_float(more[i]);
        x[p][i] = from_float<T>(dx);
      }
      store(static_cast<T*>(a.dx) + start + at, x[p]);
    }
  }
  if constexpr (WithWeight) {
#pragma unroll
    for (int p = 0; p < Packs; ++p) {
      const int at = (p * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width;
      if (at >= a.hidden) continue;
#pragma unroll
      for (int i = 0; i < Width; ++i) a.partial[int64_t{blockIdx.x} * a.hidden + at + i] = dweight[p][i];
    }
  }
}

}  // namespace swift::cuda
