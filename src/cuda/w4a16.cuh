// Kernel of w4a16.h.
#pragma once
#include "cuda/int4_codes.cuh"
#include "cuda/skinny_rows.cuh"
#include "cuda/w4a16.h"

namespace swift::cuda {

// A warp's part of 16 outputs of up to 8 Blocks rows of x: the tiles of 64 inputs, by turns of the block's
// warps. rows[b]: row 8 b + lane / 4 of x, or null. Halves: the groups that a tile may have, 1 or 2.
template <class T, int Blocks, int Halves>
__device__ __forceinline__ void multiply_int4(const PackedInt4& w, int out_tile,
                                              const T* const (&rows)[Blocks], float (&out)[Blocks][4]) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int g = lane / 4, t = lane % 4, tiles = w.in / kTileIn, half_tiles = w.group / 32;
  const uint32_t* words = w.words + (int64_t{out_tile} * tiles * 32 + lane) * 4;
  const auto* scales = static_cast<const T*>(w.scales) + out_tile * kTileOut + g;
  const uint8_t* zeros = w.zeros + out_tile * kTileOut + g;
#pragma unroll 2
  for (int tile = warp; tile < tiles; tile += kSkinnyWarps) {
    const auto codes = load_once<4>(words + int64_t{tile} * 128);
    uint32_t zero[2];
    float scale[2], part[Blocks][4];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (half < Halves) {
        const int64_t group = int64_t{(tile * 2 + half) / half_tiles} * w.out;
#pragma unroll
        for (int r = 0; r < 2; ++r) {
          scale[r] = to_float(scales[group + 8 * r]);
          zero[r] = zero_pair<T>(zeros[group + 8 * r]);
        }
#pragma unroll
        for (int b = 0; b < Blocks; ++b) {
#pragma unroll
          for (int i = 0; i < 4; ++i) part[b][i] = 0;
        }
      }
      Pack<uint32_t, 4> x[Blocks];
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
        x[b] = {};
        if (rows[b])
          x[b] = load<4>(reinterpret_cast<const uint32_t*>(rows[b] + tile * kTileIn + half * 32 + t * 8));
      }
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        uint32_t q[4];
#pragma unroll
        for (int i = 0; i < 4; ++i) q[i] = codes_minus_zero<T>(codes[half * 2 + j] >> 4 * i, zero[i % 2]);
#pragma unroll
        for (int b = 0; b < Blocks; ++b) {
          const uint32_t pair[2] = {x[b][2 * j], x[b][2 * j + 1]};
          mma_m16n8k16<T>(part[b], q, pair);
        }
      }
      if (half == 0 && Halves == 1) continue;
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
#pragma unroll
        for (int i = 0; i < 4; ++i) out[b][i] += part[b][i] * scale[i / 2];
      }
    }
  }
}

// Blocks of a multiprocessor that nvcc is to make room for: left to itself it saves registers and spills
// some.
template <int Blocks>
constexpr int kInt4Blocks = Blocks == 1 ? 4 : 1;

// Blocks of 8 rows of x: Blocks. Block b has 16 outputs.
template <class T, int Blocks, int Halves>
__global__ void __launch_bounds__(kSkinnyWarps* kWarpThreads, kInt4Blocks<Blocks>)
    int4_linear_kernel(Int4Linear a) {
  SWIFT_SHARED(float, sums, kSkinnyWarps* kTileOut * 8 * Blocks);
  const T* rows[Blocks];
  rows_of_lane<T, Blocks>(rows, a.rows,
                          [&](int row) { return static_cast<const T*>(a.x) + int64_t{row} * a.weight.in; });
  float out[Blocks][4] = {};
  const int out_tile = static_cast<int>(blockIdx.x);
  multiply_int4<T, Blocks, Halves>(a.weight, out_tile, rows, out);
  finish_rows<T, Blocks>(sums, out, static_cast<T*>(a.y), static_cast<const T*>(a.bias), a.rows, a.weight.out,
                         out_tile * kTileOut);
}

}  // namespace swift::cuda
