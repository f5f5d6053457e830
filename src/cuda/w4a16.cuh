// Kernels of w4a16.h.
#pragma once
#include "cuda/int4_codes.cuh"
#include "cuda/skinny_rows.cuh"
#include "cuda/w4a16.h"

namespace swift::cuda {

// Blocks of 8 rows of x: Blocks. Block b has 16 outputs; its warps share the tiles of the inputs by turns.
template <class T, int Blocks>
__global__ void __launch_bounds__(kSkinnyWarps* kWarpThreads) int4_linear_kernel(Int4Linear a) {
  SWIFT_SHARED(float, sums, kSkinnyWarps* kTileOut * 8 * Blocks);
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int g = lane / 4, t = lane % 4;
  const int tiles = a.weight.in / kTileIn, tiles_of_group = a.weight.group / kTileIn;
  const int first_out = static_cast<int>(blockIdx.x) * kTileOut;
  const uint32_t* words = a.weight.words + (int64_t{blockIdx.x} * tiles * 32 + lane) * 4;
  const auto* scales = static_cast<const T*>(a.weight.scales) + first_out + g;
  const uint8_t* zeros = a.weight.zeros + first_out + g;
  float out[Blocks][4] = {};
#pragma unroll 2
  for (int tile = warp; tile < tiles; tile += kSkinnyWarps) {
    const auto codes = load_once<4>(words + int64_t{tile} * 128);
    const int64_t group_at = int64_t{tile / tiles_of_group} * a.weight.out;
    const float scale[2] = {to_float(scales[group_at]), to_float(scales[group_at + 8])};
    const uint32_t zero[2] = {zero_pair<T>(zeros[group_at]), zero_pair<T>(zeros[group_at + 8])};
    uint32_t x[Blocks][8];
#pragma unroll
    for (int b = 0; b < Blocks; ++b) {
      const int row = b * 8 + g;
      const auto* from =
          static_cast<const uint32_t*>(a.x) + (int64_t{row} * a.weight.in + tile * kTileIn) / 2 + t * 8;
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        Pack<uint32_t, 4> pack{};
        if (row < a.rows) pack = load<4>(from + half * 4);
#pragma unroll
        for (int i = 0; i < 4; ++i) x[b][half * 4 + i] = pack[i];
      }
    }
    float part[Blocks][4] = {};
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      uint32_t w[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) w[i] = codes_minus_zero<T>(codes[j] >> 4 * i, zero[i % 2]);
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
        const uint32_t pair[2] = {x[b][2 * j], x[b][2 * j + 1]};
        mma_m16n8k16<T>(part[b], w, pair);
      }
    }
#pragma unroll
    for (int b = 0; b < Blocks; ++b) {
#pragma unroll
      for (int i = 0; i < 4; ++i) out[b][i] += part[b][i] * scale[i / 2];
    }
  }
  finish_rows<T, Blocks>(sums, out, static_cast<T*>(a.y), static_cast<const T*>(a.bias), a.rows, a.weight.out,
                         first_out);
}

__device__ __forceinline__ uint32_t checkpoint_code(const GroupCodes& s, const uint32_t* words, int row,
                                                    int column) {
  if (s.layout == GroupLayout::gptq)
    return words[int64_t{row / 8} * s.columns + column] >> 4 * (row % 8) & 15;
  const int c = column % 8;
  return words[int64_t{row} * (s.columns / 8) + column / 8] >> 4 * (c / 2 + c % 2 * 4) & 15;
}

// Thread i makes word i.
__global__ void __launch_bounds__(256) pack_words_kernel(GroupCodes source, PackedInt4 target) {
  const int64_t at = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= int64_t{target.out} * target.in / 8) return;
  const int j = static_cast<int>(at % 4), lane = static_cast<int>(at / 4 % 32), g = lane / 4, t = lane % 4;
  const int64_t tile = at / 128;
  const int tiles = target.in / kTileIn;
  const int first_in = static_cast<int>(tile % tiles) * kTileIn + 16 * t + 4 * j;
  const int first_out = static_cast<int>(tile / tiles) * kTileOut + g;
  uint32_t word = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) {  // bits 4 (i % 4) of half i / 4
    const int row = first_in + i % 4 / 2 * 2 + i / 4, column = first_out + i % 2 * 8;
    word |= checkpoint_code(source, source.qweight, row, column) << (4 * (i % 4) + i / 4 * 16);
  }
  target.words[at] = word;
}

template <class T, class S>
__global__ void __launch_bounds__(256) pack_scales_kernel(GroupCodes source, PackedInt4 target) {
  const int64_t at = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (at >= int64_t{target.in / target.group} * target.out) return;
  const int group = static_cast<int>(at / target.out), column = static_cast<int>(at % target.out);
  static_cast<T*>(target.scales)[at] = from_float<T>(to_float(static_cast<const S*>(source.scales)[at]));
  const int c = column % 8, shift = source.layout == GroupLayout::gptq ? 4 * c : 4 * (c / 2 + c % 2 * 4);
  const uint32_t zero = source.qzeros[int64_t{group} * (target.out / 8) + column / 8] >> shift & 15;
  target.zeros[at] = static_cast<uint8_t>(zero + static_cast<uint32_t>(source.zero_offset));
}

}  // namespace swift::cuda
