// Kernels of expert_product.h. A block has 64 rows and 128 columns of a result (plain: 64); its operands come
// in steps of the dimension that is summed. An operand lies with that dimension along its rows, or across
// them
// ("turned").
#pragma once
#include "cuda/expert_product.h"
#include "cuda/tiles.cuh"

namespace swift::cuda {

constexpr int kProductThreads = 128, kProductColumns = 128, kProductDepth = 32, kProductStages = 3;
constexpr int kPlainThreads = 256, kPlainColumns = 64, kPlainDepth = 16;

// The part of a result that a block has: rows x columns, sums over `depth`.
template <class T>
struct ProductPart {
  const T *a, *b;  // where the part's first row and column lie
  int64_t a_stride, b_stride;
  int rows, columns, depth;  // that exist from there
};

// Rows x Width values of a tile in shared memory from `from`; zeros beyond what exists.
template <class T, int Width, int Rows>
__device__ __forceinline__ void request_part(unsigned char* tile, const T* from, int64_t stride, int rows,
                                             int columns) {
  constexpr int kPieces = Width / 8;
  for (int i = static_cast<int>(threadIdx.x); i < Rows * kPieces; i += kProductThreads) {
    const int row = i / kPieces, piece = i % kPieces;
    unsigned char* to = tile + row * kTileRow<Width> + piece * 16;
    if (row < rows && piece * 8 < columns) {
      cp_async<16>(to, from + row * stride + piece * 8);
    } else {
      store(reinterpret_cast<uint32_t*>(to), Pack<uint32_t, 4>{});
    }
  }
}

template <class T, bool TurnA, bool TurnB>
struct ProductTiles {
  static constexpr int kAWidth = TurnA ? kProductRows : kProductDepth,
                       kARows = TurnA ? kProductDepth : kProductRows;
  static constexpr int kBWidth = TurnB ? kProductColumns : kProductDepth,
                       kBRows = TurnB ? kProductDepth : kProductColumns;
  static constexpr int kABytes = kARows * kTileRow<kAWidth>, kStage = kABytes + kBRows * kTileRow<kBWidth>;
  static constexpr int kBytes = kProductStages * kStage;
  static_assert(kBytes <= 48 << 10);

  static __device__ __forceinline__ void request(unsigned char* stage, const ProductPart<T>& p, int from) {
    const int left = p.depth - from;
    if constexpr (TurnA) {
      request_part<T, kAWidth, kARows>(stage, p.a + from * p.a_stride, p.a_stride, left, p.rows);
    } else {
      request_part<T, kAWidth, kARows>(stage, p.a + from, p.a_stride, p.rows, left);
    }
    if constexpr (TurnB) {
      request_part<T, kBWidth, kBRows>(stage + kABytes, p.b + from * p.b_stride, p.b_stride, left, p.columns);
    } else {
      request_part<T, kBWidth, kBRows>(stage + kABytes, p.b + from, p.b_stride, p.columns, left);
    }
  }

  // The warp's 32 x 64 part of a stage.
  static __device__ __forceinline__ void multiply(const unsigned char* stage, int row, int column, int lane,
                                                  float (&sum)[2][8][4]) {
#pragma unroll
    for (int k = 0; k < kProductDepth; k += 16) {
      uint32_t a[2][4];
#pragma unroll
      for (int m = 0; m < 2; ++m) {
        const int first = row + m * 16;
        if constexpr (TurnA) {
          load_matrices_transposed(a[m], stage + (k + lane % 8 + lane / 16 * 8) * kTileRow<kAWidth> +
                                             (first + lane / 8 % 2 * 8) * 2);
        } else {
          load_matrices(a[m], stage + (first + lane % 16) * kTileRow<kAWidth> + (k + lane / 16 * 8) * 2);
        }
      }
#pragma unroll
      for (int n = 0; n < 8; n += 2) {
        const unsigned char* tile = stage + kABytes;
        const int first = column + n * 8;
        uint32_t b[4];
        if constexpr (TurnB) {
          load_matrices_transposed(b,
                                   tile + (k + lane % 16) * kTileRow<kBWidth> + (first + lane / 16 * 8) * 2);
        } else {
          load_matrices(
              b, tile + (first + lane % 8 + lane / 16 * 8) * kTileRow<kBWidth> + (k + lane / 8 % 2 * 8) * 2);
        }
        const uint32_t lower[2] = {b[0], b[1]}, upper[2] = {b[2], b[3]};
#pragma unroll
        for (int m = 0; m < 2; ++m) {
          mma_m16n8k16<T>(sum[m][n], a[m], lower);
          mma_m16n8k16<T>(sum[m][n + 1], a[m], upper);
        }
      }
    }
  }
};

// to: where the part's first row and column go.
template <class S, class T, bool TurnA, bool TurnB>
__device__ __forceinline__ void write_product(const ProductPart<T>& p, S* to, int64_t to_stride) {
  using Tiles = ProductTiles<T, TurnA, TurnB>;
  auto* shared = dynamic_shared<unsigned char>();
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int row = warp % 2 * 32, column = warp / 2 * 64;
  const int steps = ceil_div(p.depth, kProductDepth);
  float sum[2][8][4] = {};
  for (int step = 0; step < kProductStages - 1; ++step) {
    if (step < steps) Tiles::request(shared + step * Tiles::kStage, p, step * kProductDepth);
    cp_async_commit();
  }
  for (int step = 0; step < steps; ++step) {
    cp_async_wait<kProductStages - 2>();
    __syncthreads();  // the stage is there, and all are done with the one before
    const int ahead = step + kProductStages - 1;
    if (ahead < steps)
      Tiles::request(shared + ahead % kProductStages * Tiles::kStage, p, ahead * kProductDepth);
    cp_async_commit();
    Tiles::multiply(shared + step % kProductStages * Tiles::kStage, row, column, lane, sum);
  }
  cp_async_wait<0>();
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int n = 0; n < 8; ++n) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int r = row + m * 16 + half * 8 + lane / 4, c = column + n * 8 + lane % 4 * 2;
        if (r >= p.rows || c >= p.columns) continue;
        const Pack<S, 2> pair{{from_float<S>(sum[m][n][2 * half]), from_float<S>(sum[m][n][2 * half + 1])}};
        store(to + r * to_stride + c, pair);
      }
    }
  }
}

// The same with fp32 products, of any size.
template <class S, class T, bool TurnA, bool TurnB>
__device__ __forceinline__ void write_plain_product(const ProductPart<T>& p, S* to, int64_t to_stride) {
  SWIFT_SHARED(float, a, kPlainDepth* kProductRows);
  SWIFT_SHARED(float, b, kPlainDepth* kPlainColumns);
  const int thread = static_cast<int>(threadIdx.x), row = thread / 16, column = thread % 16;
  float sum[4][4] = {};
  for (int from = 0; from < p.depth; from += kPlainDepth) {
    for (int i = thread; i < kPlainDepth * kProductRows; i += kPlainThreads) {
      const int at = i % kProductRows, k = from + i / kProductRows;
      const bool in_a = at < p.rows && k < p.depth, in_b = at < p.columns && k < p.depth;
      a[i] = in_a ? to_float(TurnA ? p.a[k * p.a_stride + at] : p.a[at * p.a_stride + k]) : 0.0F;
      b[i] = in_b ? to_float(TurnB ? p.b[k * p.b_stride + at] : p.b[at * p.b_stride + k]) : 0.0F;
    }
    __syncthreads();
    for (int k = 0; k < kPlainDepth; ++k) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j)
          sum[i][j] += a[k * kProductRows + row + 16 * i] * b[k * kPlainColumns + column + 16 * j];
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) {
      const int r = row + 16 * i, c = column + 16 * j;
      if (r < p.rows && c < p.columns) to[r * to_stride + c] = from_float<S>(sum[i][j]);
    }
  }
}

template <bool Plain, class S, class T, bool TurnA, bool TurnB>
__device__ __forceinline__ void write_part(const ProductPart<T>& p, S* to, int64_t to_stride) {
  if constexpr (Plain) {
    write_plain_product<S, T, TurnA, TurnB>(p, to, to_stride);
  } else {
    write_product<S, T, TurnA, TurnB>(p, to, to_stride);
  }
}

// Block (tile, columns): tiles of one expert are neighbours, so its weight comes from L2 after the first.
template <class T, bool Turned, bool Plain>
__global__ void __launch_bounds__(Plain ? kPlainThreads : kProductThreads, 1)
    expert_product_kernel(ExpertProduct a) {
  const ExpertTile tile = a.tiles[blockIdx.x];
  if (tile.expert < 0) return;
  const int width = Turned ? a.in : a.out, depth = Turned ? a.out : a.in;
  const int first = static_cast<int>(blockIdx.y) * (Plain ? kPlainColumns : kProductColumns);
  const T* weight = static_cast<const T*>(a.weight) + int64_t{tile.expert} * a.out * a.in;
  const ProductPart<T> part{static_cast<const T*>(a.x) + int64_t{tile.first} * depth,
                            weight + (Turned ? first : int64_t{first} * a.in),
                            depth,
                            a.in,
                            tile.rows,
                            width - first,
                            depth};
  write_part<Plain, T, T, false, Turned>(part, static_cast<T*>(a.y) + int64_t{tile.first} * width + first,
                                         width);
}

// Block (columns of y, columns of x, expert).
template <class T, class S, bool Plain>
__global__ void __launch_bounds__(Plain ? kPlainThreads : kProductThreads, 1)
    expert_outer_kernel(ExpertOuter a) {
  const int row = static_cast<int>(blockIdx.x) * kProductRows, expert = static_cast<int>(blockIdx.z);
  const int column = static_cast<int>(blockIdx.y) * (Plain ? kPlainColumns : kProductColumns);
  const int64_t first = a.starts[expert];
  const ProductPart<T> part{static_cast<const T*>(a.y) + first * a.out + row,
                            static_cast<const T*>(a.x) + first * a.in + column,
                            a.out,
                            a.in,
                            a.out - row,
                            a.in - column,
                            a.starts[expert + 1] - a.starts[expert]};
  S* to = static_cast<S*>(a.sum) + (int64_t{expert} * a.out + row) * a.in + column;
  write_part<Plain, S, T, true, true>(part, to, a.in);
}

}  // namespace swift::cuda
