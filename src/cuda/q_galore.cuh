// Kernels of q_galore.h. A warp has a group; its lanes have four values at a time.
#pragma once
#include "cuda/philox.cuh"
#include "cuda/q_galore.h"
#include "cuda/quads.cuh"
#include "cuda/reduce.cuh"

namespace swift::cuda {

constexpr int kGroupThreads = 256, kGroupWarps = kGroupThreads / kWarpThreads;

// The values [begin, end) of this warp's group; empty beyond the last.
struct GroupRange {
  int64_t index, begin, end;
  int lane;

  __device__ __forceinline__ GroupRange(int64_t count, int group)
      : lane(static_cast<int>(threadIdx.x) % kWarpThreads) {
    index = int64_t{blockIdx.x} * kGroupWarps + threadIdx.x / kWarpThreads;
    begin = min(count, index * group);
    end = min(count, begin + group);
  }
  // f(place of the first, number of values) for this lane's quads.
  template <class Function>
  __device__ __forceinline__ void for_quads(Function f) const {
    for (int64_t at = begin + lane * 4; at < end; at += kWarpThreads * 4)
      f(at, static_cast<int>(min(int64_t{4}, end - at)));
  }
};

// Four codes as numbers; those that do not exist become zeros.
__device__ __forceinline__ void read_codes(const int8_t* codes, int64_t at, int count, float (&values)[4]) {
  if (count == 4) {
    const auto pack = load<4>(codes + at);
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = static_cast<float>(pack[i]);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] = i < count ? static_cast<float>(codes[at + i]) : 0.0F;
  }
}

template <class T>
__device__ __forceinline__ void write_values(T* out, int64_t at, int count, const float (&values)[4]) {
  Pack<T, 4> pack;
#pragma unroll
  for (int i = 0; i < 4; ++i) pack[i] = from_float<T>(values[i]);
  write_four(out + at, count, pack);
}

template <class T>
__global__ void __launch_bounds__(kGroupThreads) decode_int8_kernel(Int8Groups a, T* out) {
  const GroupRange own(a.count, a.group);
  if (own.begin >= own.end) return;
  const float scale = a.scales[own.index];
  own.for_quads([&](int64_t at, int count) {
    float values[4];
    read_codes(a.codes, at, count, values);
#pragma unroll
    for (int i = 0; i < 4; ++i) values[i] *= scale;
    write_values(out, at, count, values);
  });
}

// New values of a quad, rounded where int8_encode's are.
__device__ __forceinline__ void updated_quad(const Int8Update& a, float scale, int64_t at, int count,
                                             float (&values)[4]) {
  float direction[4];
  read_codes(a.weight.codes, at, count, values);
  read_four(a.direction + at, count, direction);
#pragma unroll
  for (int i = 0; i < 4; ++i)
    values[i] = fmaf(a.step, direction[i], __fmul_rn(__fmul_rn(values[i], scale), a.decay));
}

// counter_high: the upper words of the stream's counter.
__global__ void __launch_bounds__(kGroupThreads) update_int8_kernel(Int8Update a, uint32_t counter_high) {
  const GroupRange own(a.weight.count, a.weight.group);
  if (own.begin >= own.end) return;
  const float scale = a.weight.scales[own.index];
  float magnitude = 0;
  own.for_quads([&](int64_t at, int count) {
    float values[4];
    updated_quad(a, scale, at, count, values);
#pragma unroll
    for (int i = 0; i < 4; ++i) magnitude = fmaxf(magnitude, fabsf(values[i]));
  });
  magnitude = warp_max(magnitude);
  const float inverse = magnitude > 0 ? 127.0F / magnitude : 0.0F;
  own.for_quads([&](int64_t at, int count) {
    float values[4];
    updated_quad(a, scale, at, count, values);
    uint32_t bits[2] = {};
    if (a.stochastic) {
      const int64_t word = at / 4;
      const Words random = philox({{static_cast<uint32_t>(word), static_cast<uint32_t>(word >> 32),
                                    static_cast<uint32_t>(a.noise.substream), counter_high}},
                                  a.noise.seed);
      bits[0] = random.w[1];
      bits[1] = random.w[0];
    }
    Pack<int8_t, 4> codes;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float exact = __fmul_rn(values[i], inverse);
      float code = rintf(exact);
      if (a.stochastic) {
        const float below = floorf(exact),
                    random = static_cast<float>(bits[i / 2] >> i % 2 * 16 & 0xFFFF) * 0x1p-16F;
        code = below + (random < exact - below ? 1.0F : 0.0F);
      }
      codes[i] = static_cast<int8_t>(fminf(fmaxf(code, -127.0F), 127.0F));
    }
    write_four(a.weight.codes + at, count, codes);
  });
  __syncwarp();  // all lanes have read the scale
  if (own.lane == 0) a.weight.scales[own.index] = magnitude / 127.0F;
}

__global__ void __launch_bounds__(kGroupThreads) encode_int4_kernel(const float* from, Int4Groups a) {
  const GroupRange own(a.count, a.group);
  if (own.begin >= own.end) return;
  float least = 0, most = 0;
  own.for_quads([&](int64_t at, int count) {
    float values[4];
    read_four(from + at, count, values);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      least = fminf(least, values[i]);
      most = fmaxf(most, values[i]);
    }
  });
  least = -warp_max(-least);
  most = warp_max(most);
  const float scale = fmaxf(most - least, 1e-5F) / 15.0F;
  const float zero = fminf(fmaxf(-rintf(least / scale), 0.0F), 15.0F);
  own.for_quads([&](int64_t at, int count) {
    float values[4];
    read_four(from + at, count, values);
    Pack<uint8_t, 2> bytes{};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float code = i < count ? fminf(fmaxf(rintf(values[i] / scale) + zero, 0.0F), 15.0F) : 0.0F;
      bytes[i / 2] = static_cast<uint8_t>(bytes[i / 2] | static_cast<int>(code) << i % 2 * 4);
    }
    if (count > 2) {
      store(a.codes + at / 2, bytes);
    } else {
      a.codes[at / 2] = bytes[0];
    }
  });
  if (own.lane > 0) return;
  a.scales[own.index] = scale;
  a.zeros[own.index] = static_cast<uint8_t>(zero);
}

template <class T>
__global__ void __launch_bounds__(kGroupThreads) decode_int4_kernel(Int4Groups a, T* out) {
  const GroupRange own(a.count, a.group);
  if (own.begin >= own.end) return;
  const float scale = a.scales[own.index];
  const int zero = a.zeros[own.index];
  own.for_quads([&](int64_t at, int count) {
    const uint32_t low = a.codes[at / 2], high = count > 2 ? a.codes[at / 2 + 1] : 0;
    float values[4];
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const auto code = static_cast<int>((i < 2 ? low : high) >> i % 2 * 4 & 15);
      values[i] = scale * static_cast<float>(code - zero);
    }
    write_values(out, at, count, values);
  });
}

}  // namespace swift::cuda
