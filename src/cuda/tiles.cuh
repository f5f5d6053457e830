// Tiles of 16-bit values in shared memory for ldmatrix and mma.sync, and the products of attention over them.
// A row of a tile is 16 bytes longer than its values, so that eight rows start in different banks.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

constexpr int kSharedOfBlock = 99 << 10;  // the least of the architectures we build for, in bytes
constexpr float kLog2E = 1.4426950408889634F;

template <class T>
__device__ __forceinline__ uint32_t pack_pair(float low, float high) {
  const Pack<T, 2> pair{{from_float<T>(low), from_float<T>(high)}};
  uint32_t word;
  std::memcpy(&word, &pair, 4);
  return word;
}

// Bytes of a tile's row.
template <int Width>
constexpr int kTileRow = Width * 2 + 16;

// Asks for `Rows` rows of Width values with all threads of the block; address(row) gives a row of the source,
// null for one that becomes zeros.
template <class T, int Width, int Rows, int Threads, class Address>
__device__ __forceinline__ void request_rows(unsigned char* tile, Address address) {
  constexpr int kPieces = Width / 8;
  for (int i = static_cast<int>(threadIdx.x); i < Rows * kPieces; i += Threads) {
    const int row = i / kPieces, piece = i % kPieces;
    const T* from = address(row);
    unsigned char* to = tile + row * kTileRow<Width> + piece * 16;
    if (from != nullptr) {
      cp_async<16>(to, from + piece * 8);
    } else {
      store(reinterpret_cast<uint32_t*>(to), Pack<uint32_t, 4>{});
    }
  }
}

// scores (16 Tiles x Columns) += x y^T over Width. x: the rows of this warp, y: Columns rows.
template <class T, int Width, int Tiles, int Columns>
__device__ __forceinline__ void multiply_transposed(float (&scores)[Tiles][Columns / 8][4],
                                                    const unsigned char* x, const unsigned char* y,
                                                    int lane) {
#pragma unroll
  for (int k = 0; k < Width; k += 16) {
    uint32_t a[Tiles][4];
#pragma unroll
    for (int m = 0; m < Tiles; ++m)
      load_matrices(a[m], x + (m * 16 + lane % 16) * kTileRow<Width> + (k + lane / 16 * 8) * 2);
#pragma unroll
    for (int n = 0; n < Columns / 8; n += 2) {
      uint32_t b[4];
      load_matrices(b, y + (n * 8 + lane % 8 + lane / 16 * 8) * kTileRow<Width> + (k + lane / 8 % 2 * 8) * 2);
      const uint32_t lower[2] = {b[0], b[1]}, upper[2] = {b[2], b[3]};
#pragma unroll
      for (int m = 0; m < Tiles; ++m) {
        mma_m16n8k16<T>(scores[m][n], a[m], lower);
        mma_m16n8k16<T>(scores[m][n + 1], a[m], upper);
      }
    }
  }
}

// out (16 Tiles x Width) += weights (16 Tiles x Columns) y, the weights rounded to T. y: Columns rows.
template <class T, int Width, int Tiles, int Columns>
__device__ __forceinline__ void multiply_weights(float (&out)[Tiles][Width / 8][4],
                                                 const float (&weights)[Tiles][Columns / 8][4],
                                                 const unsigned char* y, int lane) {
#pragma unroll
  for (int k = 0; k < Columns / 8; k += 2) {
    uint32_t a[Tiles][4];
#pragma unroll
    for (int m = 0; m < Tiles; ++m) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const auto& block = weights[m][k + i / 2];
        a[m][i] = pack_pair<T>(block[i % 2 * 2], block[i % 2 * 2 + 1]);
      }
    }
#pragma unroll
    for (int n = 0; n < Width / 8; n += 2) {
      uint32_t b[4];
      load_matrices_transposed(b, y + (k * 8 + lane % 16) * kTileRow<Width> + (n * 8 + lane / 16 * 8) * 2);
      const uint32_t lower[2] = {b[0], b[1]}, upper[2] = {b[2], b[3]};
#pragma unroll
      for (int m = 0; m < Tiles; ++m) {
        mma_m16n8k16<T>(out[m][n], a[m], lower);
        mma_m16n8k16<T>(out[m][n + 1], a[m], upper);
      }
    }
  }
}

template <int Tiles, int Blocks>
__device__ __forceinline__ void clear(float (&values)[Tiles][Blocks][4]) {
#pragma unroll
  for (int m = 0; m < Tiles; ++m) {
#pragma unroll
    for (int n = 0; n < Blocks; ++n) {
#pragma unroll
      for (int i = 0; i < 4; ++i) values[m][n][i] = 0;
    }
  }
}

// Writes this warp's 16 Tiles rows through `tile`, which no other warp uses now. address(row): the target,
// null for a row that has none. factor(m, half): what row 16 m + 8 half + lane / 4 is multiplied by.
template <class T, int Width, int Tiles, class Factor, class Address>
__device__ __forceinline__ void write_rows(const float (&values)[Tiles][Width / 8][4], unsigned char* tile,
                                           int lane, Factor factor, Address address) {
  __syncwarp();
#pragma unroll
  for (int m = 0; m < Tiles; ++m) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const float by = factor(m, half);
      unsigned char* row = tile + (m * 16 + half * 8 + lane / 4) * kTileRow<Width> + lane % 4 * 4;
#pragma unroll
      for (int n = 0; n < Width / 8; ++n) {
        *reinterpret_cast<uint32_t*>(row + n * 16) =
            pack_pair<T>(values[m][n][2 * half] * by, values[m][n][2 * half + 1] * by);
      }
    }
  }
  __syncwarp();
  constexpr int kPieces = Width / 8;
  for (int i = lane; i < Tiles * 16 * kPieces; i += kWarpThreads) {
    const int row = i / kPieces, piece = i % kPieces;
    T* to = address(row);
    if (to == nullptr) continue;
    store(to + piece * 8, load<8>(reinterpret_cast<const T*>(tile + row * kTileRow<Width>) + piece * 8));
  }
}

}  // namespace swift::cuda
