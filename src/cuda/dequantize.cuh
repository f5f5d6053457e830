// Kernels of dequantize.h.
#pragma once
#include "cuda/dequantize.h"
#include "cuda/dialect.h"

namespace swift::cuda {

constexpr int kDequantizeThreads = 256;

// A thread has 8 values: one word of codes.
template <class T>
__global__ void __launch_bounds__(kDequantizeThreads) dequantize_blocks_kernel(BlockCodes a) {
  SWIFT_SHARED(float, values, 16);
  if (threadIdx.x < 16) values[threadIdx.x] = a.values[threadIdx.x];
  __syncthreads();
  const int64_t at = (int64_t{blockIdx.x} * kDequantizeThreads + threadIdx.x) * 8;
  if (at >= a.count) return;
  const int64_t block = at / 64;
  float scale;
  if (a.scales) {
    scale = a.scales[block];
  } else {
    scale = a.scale_values[a.scale_codes[block]] * a.scale_magnitudes[block / 256] + a.scale_offset;
  }
  const int count = static_cast<int>(min(int64_t{8}, a.count - at));
  T* out = static_cast<T*>(a.out) + at;
  if (count == 8) {
    const auto codes = load_once<4>(a.codes + at / 2);
    Pack<T, 4> half[2];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      half[i / 2][i % 2 * 2] = from_float<T>(values[codes[i] >> 4] * scale);
      half[i / 2][i % 2 * 2 + 1] = from_float<T>(values[codes[i] & 15] * scale);
    }
    store(out, half[0]);
    store(out + 4, half[1]);
  } else {
    for (int i = 0; i < count; ++i) {
      const uint8_t byte = a.codes[(at + i) / 2];
      out[i] = from_float<T>(values[i % 2 == 0 ? byte >> 4 : byte & 15] * scale);
    }
  }
}

constexpr int kAwqRows = 4;

// A thread has a word's 8 columns of kAwqRows rows, which are of one group.
template <class T, class S>
__global__ void __launch_bounds__(kDequantizeThreads) dequantize_awq_kernel(GroupCodes a) {
  const int words = a.columns / 8;
  const int64_t i = int64_t{blockIdx.x} * kDequantizeThreads + threadIdx.x;
  if (i >= int64_t{words} * (a.in / kAwqRows)) return;
  const int word = static_cast<int>(i % words), row = static_cast<int>(i / words) * kAwqRows;
  const int64_t group = row / a.group;
  const uint32_t zeros = a.qzeros[group * words + word];
  const auto scales = load<8>(static_cast<const S*>(a.scales) + group * a.columns + word * 8);
#pragma unroll
  for (int r = 0; r < kAwqRows; ++r) {
    const uint32_t codes = a.qweight[int64_t{row + r} * words + word];
    Pack<T, 4> half[2];
#pragma unroll
    for (int c = 0; c < 8; ++c) {
      const int shift = 4 * (c / 2 + c % 2 * 4);  // where column c of eight lies
      const int code = static_cast<int>(codes >> shift & 15) - static_cast<int>(zeros >> shift & 15);
      half[c / 4][c % 4] = from_float<T>(static_cast<float>(code) * to_float(scales[c]));
    }
    T* out = static_cast<T*>(a.out) + int64_t{row + r} * a.columns + word * 8;
    store(out, half[0]);
    store(out + 4, half[1]);
  }
}

// A thread has two columns of a word's 8 rows.
template <class T, class S>
__global__ void __launch_bounds__(kDequantizeThreads) dequantize_gptq_kernel(GroupCodes a) {
  const int pairs = a.columns / 2;
  const int64_t i = int64_t{blockIdx.x} * kDequantizeThreads + threadIdx.x;
  if (i >= int64_t{pairs} * (a.in / 8)) return;
  const int column = static_cast<int>(i % pairs) * 2, row = static_cast<int>(i / pairs) * 8;
  const auto codes = load<2>(a.qweight + int64_t{row / 8} * a.columns + column);
#pragma unroll
  for (int r = 0; r < 8; ++r) {
    const int64_t group = a.g_idx ? a.g_idx[row + r] : (row + r) / a.group;
    const auto scales = load<2>(static_cast<const S*>(a.scales) + group * a.columns + column);
    const uint32_t zeros = a.qzeros[group * (a.columns / 8) + column / 8] >> 4 * (column % 8);
    Pack<T, 2> out;
#pragma unroll
    for (int c = 0; c < 2; ++c) {
      const int zero = static_cast<int>(zeros >> 4 * c & 15) + a.zero_offset;
      out[c] = from_float<T>(static_cast<float>(static_cast<int>(codes[c] >> 4 * r & 15) - zero) *
                             to_float(scales[c]));
    }
    store(static_cast<T*>(a.out) + int64_t{row + r} * a.columns + column, out);
  }
}

}  // namespace swift::cuda
