// Kernel of w4a16_striped.h.
#pragma once
#include "cuda/int4_codes.cuh"
#include "cuda/skinny_rows.cuh"
#include "cuda/w4a16_striped.h"

namespace swift::cuda {

constexpr int kStripeWarps = 4, kStripeThreads = kStripeWarps * kWarpThreads;
constexpr int kStripeTiles = 2;  // of 16 outputs, of a warp
static_assert(kStripeWarps * kStripeTiles * kTileOut == kStripeOut);

// A stage has 64 inputs of x, of the codes of 128 outputs, and these outputs' scales and zeros for Halves
// groups, in bytes. In odd rows of x the halves change places, so that two rows' pieces are in different
// banks.
template <int Blocks, int Halves>
struct StripeStage {
  static constexpr int kRow = kTileIn * 2;
  static constexpr int kCodes = Blocks * 8 * kRow;
  static constexpr int kScales = kCodes + kStripeOut * kTileIn / 2;
  static constexpr int kZeros = kScales + Halves * kStripeOut * 2;
  static constexpr int kBytes = kZeros + Halves * kStripeOut;
  static constexpr int kStages = 4;

  // Where 16 bytes of x lie.
  __device__ __forceinline__ static int piece_of(int row, int piece) {
    return row * kRow + (piece ^ row % 2 * 4) * 16;
  }
};

// Units of work: unit u is tile u % in_tiles of the inputs of outputs' tile u / in_tiles.
struct StripeWork {
  int in_tiles, stripes;
  int64_t units;

  __device__ __forceinline__ explicit StripeWork(const StripedInt4Linear& a)
      : in_tiles(a.linear.weight.in / kTileIn), stripes(a.stripes) {
    units = int64_t{ceil_div(a.linear.weight.out, kStripeOut)} * in_tiles;
  }
  __device__ __forceinline__ int64_t begin(int stripe) const { return stripe * units / stripes; }
  __device__ __forceinline__ int stripe_of(int64_t unit) const {
    return static_cast<int>(((unit + 1) * stripes - 1) / units);
  }
};

template <class T, int Blocks, int Halves>
struct StripeWarp {
  using Stage = StripeStage<Blocks, Halves>;
  const StripedInt4Linear& a;
  unsigned char* stages;
  int lane, warp;
  float out[kStripeTiles][Blocks][4];

  __device__ __forceinline__ StripeWarp(const StripedInt4Linear& args, unsigned char* s)
      : a(args),
        stages(s),
        lane(static_cast<int>(threadIdx.x) % kWarpThreads),
        warp(static_cast<int>(threadIdx.x) / kWarpThreads) {}

  __device__ __forceinline__ void clear() {
#pragma unroll
    for (int tile = 0; tile < kStripeTiles; ++tile) {
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
#pragma unroll
        for (int i = 0; i < 4; ++i) out[tile][b][i] = 0;
      }
    }
  }

  // Asks for a unit; rows and outputs that do not exist become zeros.
  __device__ __forceinline__ void request(int stage, int out_tile, int in_tile) {
    const Int4Linear& l = a.linear;
    const PackedInt4& w = l.weight;
    unsigned char* to = stages + stage * Stage::kBytes;
    const int thread = static_cast<int>(threadIdx.x), first_out = out_tile * kStripeOut;
#pragma unroll
    for (int i = thread; i < Blocks * 8 * 8; i += kStripeThreads) {
      const int row = i / 8, piece = i % 8;
      const bool valid = row < l.rows;
      const T* from = static_cast<const T*>(l.x) + int64_t{valid ? row : 0} * w.in + in_tile * kTileIn;
      cp_async<16>(to + Stage::piece_of(row, piece), from + piece * 8, valid);
    }
#pragma unroll
    for (int tile = 0; tile < kStripeTiles; ++tile) {
      const int at = tile * kStripeWarps + warp;
      const bool valid = first_out + at * kTileOut < w.out;
      const int64_t from =
          (int64_t{valid ? first_out / kTileOut + at : 0} * (w.in / kTileIn) + in_tile) * 128;
      cp_async<16>(to + Stage::kCodes + at * 512 + lane * 16, w.words + from + lane * 4, valid);
    }
    request_groups(to, first_out, in_tile * kTileIn);
  }

  // The scales and zeros of the outputs from first_out, for the groups of the inputs from first_in.
  __device__ __forceinline__ void request_groups(unsigned char* to, int first_out, int first_in) {
    constexpr int kScalePieces = kStripeOut / 8, kPieces = kScalePieces + kStripeOut / 16;
    const PackedInt4& w = a.linear.weight;
    const int thread = static_cast<int>(threadIdx.x), half = thread / kPieces, piece = thread % kPieces;
    if (half >= Halves) return;
    const int64_t group = int64_t{(first_in + half * 32) / w.group} * w.out;
    if (piece < kScalePieces) {
      const bool valid = first_out + piece * 8 < w.out;
      cp_async<16>(to + Stage::kScales + (half * kStripeOut + piece * 8) * 2,
                   static_cast<const T*>(w.scales) + group + (valid ? first_out + piece * 8 : 0), valid);
    } else {
      const int at = (piece - kScalePieces) * 16;
      const bool valid = first_out + at < w.out;
      cp_async<16>(to + Stage::kZeros + half * kStripeOut + at,
                   w.zeros + group + (valid ? first_out + at : 0), valid);
    }
  }

  __device__ __forceinline__ void take(int stage) {
    const unsigned char* from = stages + stage * Stage::kBytes;
    const int g = lane / 4, t = lane % 4;
    float part[kStripeTiles][Blocks][4] = {};
    Pack<uint32_t, 4> codes[kStripeTiles];
    uint32_t zero[kStripeTiles][2];
#pragma unroll
    for (int tile = 0; tile < kStripeTiles; ++tile) {
      codes[tile] = load<4>(reinterpret_cast<const uint32_t*>(
          from + Stage::kCodes + (tile * kStripeWarps + warp) * 512 + lane * 16));
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (half < Halves) load_zeros(from + Stage::kZeros + half * kStripeOut, zero);
      Pack<uint32_t, 4> x[Blocks];
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
        x[b] = load<4>(reinterpret_cast<const uint32_t*>(from + Stage::piece_of(b * 8 + g, half * 4 + t)));
      }
#pragma unroll
      for (int j = 0; j < 2; ++j) {
#pragma unroll
        for (int tile = 0; tile < kStripeTiles; ++tile) {
          uint32_t w[4];
#pragma unroll
          for (int i = 0; i < 4; ++i)
            w[i] = codes_minus_zero<T>(codes[tile][half * 2 + j] >> 4 * i, zero[tile][i % 2]);
#pragma unroll
          for (int b = 0; b < Blocks; ++b) {
            const uint32_t pair[2] = {x[b][2 * j], x[b][2 * j + 1]};
            mma_m16n8k16<T>(part[tile][b], w, pair);
          }
        }
      }
      if (half == 1 || Halves == 2)
        add_scaled(part, from + Stage::kScales + (Halves == 2 ? half : 0) * kStripeOut * 2);
    }
  }

  __device__ __forceinline__ void load_zeros(const unsigned char* zeros,
                                             uint32_t (&zero)[kStripeTiles][2]) const {
#pragma unroll
    for (int tile = 0; tile < kStripeTiles; ++tile) {
#pragma unroll
      for (int r = 0; r < 2; ++r)
        zero[tile][r] = zero_pair<T>(zeros[(tile * kStripeWarps + warp) * kTileOut + lane / 4 + 8 * r]);
    }
  }

  // Adds a group's part, which is zero afterwards.
  __device__ __forceinline__ void add_scaled(float (&part)[kStripeTiles][Blocks][4],
                                             const unsigned char* of_group) {
    const auto* scales = reinterpret_cast<const T*>(of_group);
#pragma unroll
    for (int tile = 0; tile < kStripeTiles; ++tile) {
      const int at = (tile * kStripeWarps + warp) * kTileOut + lane / 4;
      const float scale[2] = {to_float(scales[at]), to_float(scales[at + 8])};
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          out[tile][b][i] += part[tile][b][i] * scale[i / 2];
          part[tile][b][i] = 0;
        }
      }
    }
  }

  // write(row, output of the tile, sum) for all this lane has.
  template <class Write>
  __device__ __forceinline__ void for_each_sum(Write write) const {
#pragma unroll
    for (int tile = 0; tile < kStripeTiles; ++tile) {
#pragma unroll
      for (int b = 0; b < Blocks; ++b) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const int row = b * 8 + lane % 4 * 2 + i % 2;
          if (row < a.linear.rows)
            write(row, (tile * kStripeWarps + warp) * kTileOut + lane / 4 + i / 2 * 8, out[tile][b][i]);
        }
      }
    }
  }
};

template <class T>
__device__ __forceinline__ void write_output(const Int4Linear& l, int row, int column, float sum) {
  if (column >= l.weight.out) return;
  if (l.bias) sum += to_float(static_cast<const T*>(l.bias)[column]);
  static_cast<T*>(l.y)[int64_t{row} * l.weight.out + column] = from_float<T>(sum);
}

// Whether this block is the last of `blocks` to have written its part of a tile, which it then may read.
__device__ __forceinline__ bool arrives_last(int32_t* arrivals, int blocks, int* shared_flag) {
  __threadfence();
  __syncthreads();
  if (threadIdx.x == 0) {
    *shared_flag = atomicAdd(arrivals, 1) == blocks - 1 ? 1 : 0;
    __threadfence();
    if (*shared_flag != 0) atomicExch(arrivals, 0);
  }
  __syncthreads();
  const bool last = *shared_flag != 0;
  __threadfence();
  __syncthreads();
  return last;
}

// The parts of a tile that several stripes have, added in their order. The first of them is its stripe's
// second part, the others their stripes' first.
template <class T>
__device__ __forceinline__ void add_stripes(const StripedInt4Linear& a, int out_tile, int first, int last) {
  const int rows = a.linear.rows;
  for (int i = static_cast<int>(threadIdx.x); i < rows * kStripeOut; i += kStripeThreads) {
    float sum = 0;
    for (int stripe = first; stripe <= last; ++stripe)
      sum += a.partial[(int64_t{stripe} * 2 + (stripe == first ? 1 : 0)) * rows * kStripeOut + i];
    write_output<T>(a.linear, i / kStripeOut, out_tile * kStripeOut + i % kStripeOut, sum);
  }
}

// Block (stripe). Blocks of 8 rows of x: Blocks. Without the 1 nvcc saves registers and spills some.
template <class T, int Blocks, int Halves>
__global__ void __launch_bounds__(kStripeThreads, 1) striped_int4_linear_kernel(StripedInt4Linear a) {
  using Stage = StripeStage<Blocks, Halves>;
  SWIFT_SHARED(int, flag, 1);
  const StripeWork work(a);
  const int stripe = static_cast<int>(blockIdx.x);
  const int64_t begin = work.begin(stripe), end = work.begin(stripe + 1);
  StripeWarp<T, Blocks, Halves> own(a, dynamic_shared<unsigned char>());
  const auto request = [&](int64_t unit) {
    if (unit < end) {
      own.request(static_cast<int>((unit - begin) % Stage::kStages), static_cast<int>(unit / work.in_tiles),
                  static_cast<int>(unit % work.in_tiles));
    }
    cp_async_commit();
  };
#pragma unroll
  for (int s = 0; s < Stage::kStages - 1; ++s) request(begin + s);
  own.clear();
  int64_t part_begin = begin;
  for (int64_t unit = begin; unit < end; ++unit) {
    cp_async_wait<Stage::kStages - 2>();
    __syncthreads();  // the unit is there, and all are done with the one whose stage is asked for next
    request(unit + Stage::kStages - 1);
    own.take(static_cast<int>((unit - begin) % Stage::kStages));
    const bool at_end = (unit + 1) % work.in_tiles == 0;
    if (!at_end && unit + 1 < end) continue;
    const int out_tile = static_cast<int>(unit / work.in_tiles);
    const bool at_begin = part_begin % work.in_tiles == 0;
    if (at_begin && at_end) {
      own.for_each_sum([&](int row, int column, float sum) {
        write_output<T>(a.linear, row, out_tile * kStripeOut + column, sum);
      });
    } else {
      float* to = a.partial + (int64_t{stripe} * 2 + (at_begin ? 1 : 0)) * a.linear.rows * kStripeOut;
      own.for_each_sum([&](int row, int column, float sum) { to[row * kStripeOut + column] = sum; });
      const int first = work.stripe_of(int64_t{out_tile} * work.in_tiles),
                last = work.stripe_of(int64_t{out_tile + 1} * work.in_tiles - 1);
      if (arrives_last(a.arrivals + out_tile, last - first + 1, flag))
        add_stripes<T>(a, out_tile, first, last);
    }
    own.clear();
    part_begin = unit + 1;
  }
  cp_async_wait<0>();
}

}  // namespace swift::cuda
