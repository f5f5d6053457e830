// Kernels of qk_rope.h: a warp has one head of one token. A lane holds pairs (i, i + half) for two
// neighbouring i, so each access is of two values; what lies beyond rotary_dim is held the same way, in pairs
// of neighbours.
#pragma once
#include "cuda/fp8.cuh"
#include "cuda/qk_rope.h"
#include "cuda/reduce.cuh"

namespace swift::cuda {

constexpr int kRopeSpans = 2;  // of 32 lanes by 4 values: 256 values

// Where the two pairs of a lane's span start: (first, second) hold 2 values each, rotated against each other
// if `turns`. false when the head ends before.
struct HeadSpan {
  int first, second;
  bool turns;
};
__device__ __forceinline__ bool head_span(int unit, int head_dim, int rotary_dim, HeadSpan& span) {
  if (unit * 4 >= head_dim) return false;
  span.turns = unit * 4 < rotary_dim;
  span.first = span.turns ? unit * 2 : unit * 4;
  span.second = span.turns ? rotary_dim / 2 + unit * 2 : unit * 4 + 2;
  return true;
}

template <class T>
struct Head {
  float values[kRopeSpans][4];

  __device__ __forceinline__ void read(const T* from, int head_dim, int rotary_dim, int lane) {
#pragma unroll
    for (int s = 0; s < kRopeSpans; ++s) {
      HeadSpan span;
      const bool there = head_span(s * kWarpThreads + lane, head_dim, rotary_dim, span);
      Pack<T, 2> first{}, second{};
      if (there) {
        first = load<2>(from + span.first);
        second = load<2>(from + span.second);
      }
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        values[s][i] = there ? to_float(first[i]) : 0.0F;
        values[s][2 + i] = there ? to_float(second[i]) : 0.0F;
      }
    }
  }

  // `convert` makes an Out of each value.
  template <class Out, class Convert>
  __device__ __forceinline__ void write_as(Out* to, int head_dim, int rotary_dim, int lane,
                                           Convert convert) const {
#pragma unroll
    for (int s = 0; s < kRopeSpans; ++s) {
      HeadSpan span;
      if (!head_span(s * kWarpThreads + lane, head_dim, rotary_dim, span)) continue;
      Pack<Out, 2> first, second;
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        first[i] = static_cast<Out>(convert(values[s][i]));
        second[i] = static_cast<Out>(convert(values[s][2 + i]));
      }
      store(to + span.first, first);
      store(to + span.second, second);
    }
  }
  __device__ __forceinline__ void write(T* to, int head_dim, int rotary_dim, int lane) const {
    write_as(to, head_dim, rotary_dim, lane, [](float value) { return from_float<T>(value); });
  }

  // direction 1 turns, -1 turns back (the transpose, hence the gradient).
  __device__ __forceinline__ void turn(const float* cos, const float* sin, int head_dim, int rotary_dim,
                                       int lane, float direction) {
#pragma unroll
    for (int s = 0; s < kRopeSpans; ++s) {
      HeadSpan span;
      if (!head_span(s * kWarpThreads + lane, head_dim, rotary_dim, span) || !span.turns) continue;
      const auto c = load<2>(cos + span.first), sine = load<2>(sin + span.first);
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const float low = values[s][i], high = values[s][2 + i], t = direction * sine[i];
        values[s][i] = low * c[i] - high * t;
        values[s][2 + i] = high * c[i] + low * t;
      }
    }
  }

  __device__ __forceinline__ void round_to_type() {
#pragma unroll
    for (int s = 0; s < kRopeSpans; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) values[s][i] = to_float(from_float<T>(values[s][i]));
    }
  }

  __device__ __forceinline__ float inverse_rms(int head_dim, float eps) const {
    float squares = 0;
#pragma unroll
    for (int s = 0; s < kRopeSpans; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) squares += values[s][i] * values[s][i];
    }
    return rsqrtf(warp_sum(squares) / static_cast<float>(head_dim) + eps);
  }

  __device__ __forceinline__ float largest() const {
    float largest = 0;
#pragma unroll
    for (int s = 0; s < kRopeSpans; ++s) {
#pragma unroll
      for (int i = 0; i < 4; ++i) largest = fmaxf(largest, fabsf(values[s][i]));
    }
    return warp_max(largest);
  }
};

template <class T>
__device__ __forceinline__ void normalise(Head<T>& head, const T* weight, int head_dim, int rotary_dim,
                                          int lane, float eps) {
  Head<T> w;
  w.read(weight, head_dim, rotary_dim, lane);
  const float scale = head.inverse_rms(head_dim, eps);
#pragma unroll
  for (int s = 0; s < kRopeSpans; ++s) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      head.values[s][i] = to_float(from_float<T>(head.values[s][i] * scale)) * w.values[s][i];
    }
  }
  head.round_to_type();
}

// Writes one head to its place in a page.
template <class T>
__device__ __forceinline__ void write_page(const Head<T>& head, void* pages, float* scales, KvType type,
                                           int64_t slot, int kv_head, int kv_heads, int page_tokens,
                                           int head_dim, int rotary_dim, int lane) {
  const int64_t row = (slot / page_tokens * kv_heads + kv_head) * page_tokens + slot % page_tokens;
  if (type == KvType::same) {
    head.write(static_cast<T*>(pages) + row * head_dim, head_dim, rotary_dim, lane);
    return;
  }
  uint8_t* to = static_cast<uint8_t*>(pages) + row * head_dim;
  if (type == KvType::int8) {
    const float scale = head.largest() / 127.0F;
    const float inverse = scale > 0 ? 1.0F / scale : 0.0F;
    if (lane == 0) scales[row] = scale;
    head.write_as(to, head_dim, rotary_dim, lane, [=](float x) { return __float2int_rn(x * inverse); });
  } else {
    const float inverse = 1.0F / scales[kv_head];
    head.write_as(to, head_dim, rotary_dim, lane, [=](float x) { return float_to_fp8(x * inverse); });
  }
}

// Warp i has head i % (heads + 2 kv_heads) of token i / (heads + 2 kv_heads): q, then k, then v.
template <class T>
__global__ void __launch_bounds__(128) qk_rope_forward_kernel(QkRope a) {
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads;
  const int64_t warp = (int64_t{blockIdx.x} * blockDim.x + threadIdx.x) / kWarpThreads;
  const int per_token = a.heads + (a.pages.keys ? 2 : 1) * a.kv_heads;
  const int64_t token = warp / per_token;
  if (token >= a.tokens) return;
  const int index = static_cast<int>(warp % per_token);
  const int64_t row = a.positions ? a.positions[token] : token;
  const float *cos = a.cos + row * (a.rotary_dim / 2), *sin = a.sin + row * (a.rotary_dim / 2);
  Head<T> head;
  if (index < a.heads) {
    head.read(static_cast<const T*>(a.q) + token * a.q_stride + index * a.head_dim, a.head_dim, a.rotary_dim,
              lane);
    if (a.q_weight) normalise(head, static_cast<const T*>(a.q_weight), a.head_dim, a.rotary_dim, lane, a.eps);
    head.turn(cos, sin, a.head_dim, a.rotary_dim, lane, 1.0F);
    head.write(static_cast<T*>(a.q_out) + (token * a.heads + index) * a.head_dim, a.head_dim, a.rotary_dim,
               lane);
    return;
  }
  const int64_t slot = a.slots ? a.slots[token] : -1;
  if (index < a.heads + a.kv_heads) {
    const int kv_head = index - a.heads;
    head.read(static_cast<const T*>(a.k) + token * a.k_stride + kv_head * a.head_dim, a.head_dim,
              a.rotary_dim, lane);
    if (a.k_weight) normalise(head, static_cast<const T*>(a.k_weight), a.head_dim, a.rotary_dim, lane, a.eps);
    head.turn(cos, sin, a.head_dim, a.rotary_dim, lane, 1.0F);
    head.round_to_type();
    if (a.k_out) {
      head.write(static_cast<T*>(a.k_out) + (token * a.kv_heads + kv_head) * a.head_dim, a.head_dim,
                 a.rotary_dim, lane);
    }
    if (slot >= 0 && a.pages.keys) {
      write_page(head, a.pages.keys, a.pages.key_scales, a.pages.type, slot, kv_head, a.kv_heads,
                 a.pages.page_tokens, a.head_dim, a.rotary_dim, lane);
    }
  } else if (slot >= 0) {
    const int kv_head = index - a.heads - a.kv_heads;
    head.read(static_cast<const T*>(a.v) + token * a.v_stride + kv_head * a.head_dim, a.head_dim, 0, lane);
    write_page(head, a.pages.values, a.pages.value_scales, a.pages.type, slot, kv_head, a.kv_heads,
               a.pages.page_tokens, a.head_dim, 0, lane);
  }
}

// dx = s (g - x s^2 mean(g x)) with g = w times dy turned back. Block b has the heads of (token, head) pairs
// b, b + gridDim.x, …, each warp every fourth of those, and adds their share of dw up in registers.
template <class T, bool WithWeight>
__global__ void __launch_bounds__(128) rope_backward_kernel(RopeBackward a) {
  SWIFT_SHARED(float, sums, 4 * 256);
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t pairs = a.tokens * a.heads, warps = int64_t{gridDim.x} * 4;
  Head<T> weight{}, dweight{};
  if (a.weight) weight.read(static_cast<const T*>(a.weight), a.head_dim, a.rotary_dim, lane);
  for (int64_t pair = int64_t{blockIdx.x} * 4 + warp; pair < pairs; pair += warps) {
    const int64_t token = pair / a.heads, head = pair % a.heads;
    const int64_t row = a.positions ? a.positions[token] : token;
    Head<T> dy;
    dy.read(static_cast<const T*>(a.dy) + pair * a.head_dim, a.head_dim, a.rotary_dim, lane);
    dy.turn(a.cos + row * (a.rotary_dim / 2), a.sin + row * (a.rotary_dim / 2), a.head_dim, a.rotary_dim,
            lane, -1.0F);
    if (a.weight) {
      Head<T> x;
      x.read(static_cast<const T*>(a.x) + token * a.x_stride + head * a.head_dim, a.head_dim, a.rotary_dim,
             lane);
      const float scale = x.inverse_rms(a.head_dim, a.eps);
      float dot = 0;
#pragma unroll
      for (int s = 0; s < kRopeSpans; ++s) {
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          if constexpr (WithWeight) dweight.values[s][i] += dy.values[s][i] * x.values[s][i] * scale;
          dy.values[s][i] *= weight.values[s][i];
          dot += dy.values[s][i] * x.values[s][i];
        }
      }
      const float shift = warp_sum(dot) * scale * scale / static_cast<float>(a.head_dim);
#pragma unroll
      for (int s = 0; s < kRopeSpans; ++s) {
#pragma unroll
        for (int i = 0; i < 4; ++i) dy.values[s][i] = scale * (dy.values[s][i] - x.values[s][i] * shift);
      }
    }
    dy.write(static_cast<T*>(a.dx) + token * a.dx_stride + head * a.head_dim, a.head_dim, a.rotary_dim, lane);
  }
  if constexpr (WithWeight) {
    Head<float> exact;
    std::memcpy(&exact, &dweight, sizeof exact);
    exact.write(sums + warp * 256, a.head_dim, a.rotary_dim, lane);
    __syncthreads();
    for (int i = static_cast<int>(threadIdx.x); i < a.head_dim; i += static_cast<int>(blockDim.x)) {
      a.partial[int64_t{blockIdx.x} * a.head_dim + i] =
          sums[i] + sums[256 + i] + sums[512 + i] + sums[768 + i];
    }
  }
}

}  // namespace swift::cuda
