// Kernels of adamw.h.
#pragma once
#include "cuda/adamw.h"
#include "cuda/philox.cuh"
#include "cuda/quads.cuh"
#include "cuda/reduce.cuh"
#include "cuda/rounding.cuh"

namespace swift::cuda {

constexpr int kAdamThreads = 256;
constexpr int kAdamBlock = 256;  // values that share a magnitude when moments are coded

struct AdamRule {
  float learning_rate, decay, beta1, beta2, epsilon, step_size, correction2_root, coefficient;

  __device__ __forceinline__ AdamRule(const AdamStep& s, const AdamTensor& t, float scale)
      : learning_rate(s.learning_rate * t.learning_rate_scale),
        decay(1.0F - learning_rate * t.weight_decay),
        beta1(s.beta1),
        beta2(s.beta2),
        epsilon(s.epsilon),
        step_size(learning_rate / s.correction1),
        correction2_root(s.correction2_root),
        coefficient(scale) {}

  // The new weight; the moments change in place.
  __device__ __forceinline__ float update(float weight, float grad, float& m, float& v) const {
    const float g = grad * coefficient;
    m = beta1 * m + (1.0F - beta1) * g;
    v = beta2 * v + (1.0F - beta2) * g * g;
    return weight * decay - step_size * m / (sqrtf(v) / correction2_root + epsilon);
  }
};

// Writes weights of T, and their masters.
template <class T>
__device__ __forceinline__ void write_weights(const AdamTensor& t, const AdamStep& step, bool stochastic,
                                              int tensor, int64_t at, int count, const float (&weight)[4]) {
  if (t.master) write_four(t.master + at, count, weight);
  Pack<T, 4> pack;
  if (stochastic && !t.master) {
    const auto place = static_cast<uint64_t>(at) / 4;
    const Words random = philox({{static_cast<uint32_t>(place), static_cast<uint32_t>(place >> 32),
                                  static_cast<uint32_t>(tensor), static_cast<uint32_t>(step.step)}},
                                step.seed);
#pragma unroll
    for (int i = 0; i < 4; ++i) pack[i] = round_randomly<T>(weight[i], random.w[i] >> 16);
  } else {
#pragma unroll
    for (int i = 0; i < 4; ++i) pack[i] = from_float<T>(weight[i]);
  }
  write_four(static_cast<T*>(t.weight) + at, count, pack);
}

template <class T, class G>
__global__ void __launch_bounds__(kAdamThreads) adamw_kernel(AdamW a) {
  const float coefficient = a.grad_coefficient ? *a.grad_coefficient : 1.0F;
  if (!(fabsf(coefficient) < INFINITY)) return;
  const AdamChunk chunk = a.chunks[blockIdx.x];
  const AdamTensor t = a.tensors[chunk.tensor];
  const AdamStep step = *a.step;
  const AdamRule rule(step, t, coefficient);
  const int64_t begin = int64_t{chunk.index} * kAdamChunk;
  const int64_t end = min(begin + kAdamChunk, t.count);
  for (int64_t at = begin + 4 * threadIdx.x; at < end; at += 4 * kAdamThreads) {
    const int count = static_cast<int>(min(int64_t{4}, t.count - at));
    float weight[4], grad[4], m[4], v[4];
    if (t.master) {
      read_four(t.master + at, count, weight);
    } else {
      read_four(static_cast<const T*>(t.weight) + at, count, weight);
    }
    read_four(static_cast<const G*>(t.grad) + at, count, grad);
    read_four(static_cast<const float*>(t.exp_avg) + at, count, m);
    read_four(static_cast<const float*>(t.exp_avg_sq) + at, count, v);
#pragma unroll
    for (int i = 0; i < 4; ++i) weight[i] = rule.update(weight[i], grad[i], m[i], v[i]);
    write_four(static_cast<float*>(t.exp_avg) + at, count, m);
    write_four(static_cast<float*>(t.exp_avg_sq) + at, count, v);
    write_weights<T>(t, step, a.stochastic_rounding, chunk.tensor, at, count, weight);
  }
}

// The number of bounds below x: the nearest code, the lower one halfway. bounds[255] is infinity.
__device__ __forceinline__ uint32_t nearest_code(const float* bounds, float x) {
  int code = 0;
#pragma unroll
  for (int by = 128; by > 0; by /= 2) code += x > bounds[code + by - 1] ? by : 0;
  return static_cast<uint32_t>(code);
}

// The codes of eight values of a lane, whose warp has a block of 256; its magnitude goes to absmax.
__device__ __forceinline__ void write_codes(uint8_t* codes, float* absmax, const float* bounds, int64_t at,
                                            int64_t count, int lane, const float (&values)[8]) {
  float largest = 0;
#pragma unroll
  for (int i = 0; i < 8; ++i) largest = fmaxf(largest, at + i < count ? fabsf(values[i]) : 0.0F);
  largest = warp_max(largest);
  if (lane == 0) absmax[at / kAdamBlock] = largest;
  const float inverse = largest > 0 ? 1.0F / largest : 0.0F;
  Pack<uint8_t, 8> pack;
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    pack[i] = static_cast<uint8_t>(nearest_code(bounds, fminf(fmaxf(values[i] * inverse, -1.0F), 1.0F)));
  }
  if (at + 8 <= count) {
    store(codes + at, pack);
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) {
      if (at + i < count) codes[at + i] = pack[i];
    }
  }
}

__device__ __forceinline__ void read_codes(const uint8_t* codes, const float* absmax, const float* values,
                                           int64_t at, int64_t count, float (&to)[8]) {
  if (at >= count) {
#pragma unroll
    for (int i = 0; i < 8; ++i) to[i] = 0;
    return;
  }
  const float largest = absmax[at / kAdamBlock];
  Pack<uint8_t, 8> pack;
  if (at + 8 <= count) {
    pack = load<8>(codes + at);
  } else {
#pragma unroll
    for (int i = 0; i < 8; ++i) pack[i] = at + i < count ? codes[at + i] : 0;
  }
#pragma unroll
  for (int i = 0; i < 8; ++i) to[i] = values[pack[i]] * largest;
}

template <class T, class G>
__global__ void __launch_bounds__(kAdamThreads) adamw_8bit_kernel(AdamW a, ByteCode first, ByteCode second) {
  SWIFT_SHARED(float, tables, 4 * 256);
  const float coefficient = a.grad_coefficient ? *a.grad_coefficient : 1.0F;
  if (!(fabsf(coefficient) < INFINITY)) return;
  for (int i = static_cast<int>(threadIdx.x); i < 256; i += kAdamThreads) {
    tables[i] = first.values[i];
    tables[256 + i] = first.bounds[i];
    tables[512 + i] = second.values[i];
    tables[768 + i] = second.bounds[i];
  }
  __syncthreads();
  const AdamChunk chunk = a.chunks[blockIdx.x];
  const AdamTensor t = a.tensors[chunk.tensor];
  const AdamStep step = *a.step;
  const AdamRule rule(step, t, coefficient);
  const int lane = static_cast<int>(threadIdx.x) % kWarpThreads,
            warp = static_cast<int>(threadIdx.x) / kWarpThreads;
  const int64_t begin = int64_t{chunk.index} * kAdamChunk;
  const int64_t end = min(begin + kAdamChunk, t.count);
  for (int64_t block = begin + warp * kAdamBlock; block < end;
       block += kAdamThreads / kWarpThreads * kAdamBlock) {
    const int64_t at = block + lane * 8;
    float m[8], v[8];
    read_codes(static_cast<const uint8_t*>(t.exp_avg), t.exp_avg_absmax, tables, at, t.count, m);
    read_codes(static_cast<const uint8_t*>(t.exp_avg_sq), t.exp_avg_sq_absmax, tables + 512, at, t.count, v);
#pragma unroll
    for (int part = 0; part < 8; part += 4) {
      const int count = static_cast<int>(max(int64_t{0}, min(int64_t{4}, t.count - at - part)));
      if (count == 0) continue;
      float weight[4], grad[4];
      if (t.master) {
        read_four(t.master + at + part, count, weight);
      } else {
        read_four(static_cast<const T*>(t.weight) + at + part, count, weight);
      }
      read_four(static_cast<const G*>(t.grad) + at + part, count, grad);
#pragma unroll
      for (int i = 0; i < 4; ++i) weight[i] = rule.update(weight[i], grad[i], m[part + i], v[part + i]);
      write_weights<T>(t, step, a.stochastic_rounding, chunk.tensor, at + part, count, weight);
    }
    __syncwarp();  // the magnitudes have been read
    write_codes(static_cast<uint8_t*>(t.exp_avg), t.exp_avg_absmax, tables + 256, at, t.count, lane, m);
    write_codes(static_cast<uint8_t*>(t.exp_avg_sq), t.exp_avg_sq_absmax, tables + 768, at, t.count, lane, v);
  }
}

template <class G>
__global__ void __launch_bounds__(kAdamThreads) grad_square_kernel(GradNorm a) {
  SWIFT_SHARED(float, scratch, 32);
  const AdamChunk chunk = a.chunks[blockIdx.x];
  const auto* grad = static_cast<const G*>(a.tensors[chunk.tensor].grad);
  const int64_t total = a.tensors[chunk.tensor].count, begin = int64_t{chunk.index} * kAdamChunk;
  const int64_t end = min(begin + kAdamChunk, total);
  float sum = 0;
  for (int64_t at = begin + 4 * threadIdx.x; at < end; at += 4 * kAdamThreads) {
    float g[4];
    read_four(grad + at, static_cast<int>(min(int64_t{4}, total - at)), g);
#pragma unroll
    for (int i = 0; i < 4; ++i) sum += g[i] * g[i];
  }
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) a.partial[blockIdx.x] = sum;
}

// One block; the order of the sum depends on the number of chunks alone.
__global__ void __launch_bounds__(1024) sum_partial_kernel(const float* partial, int count, float* to) {
  SWIFT_SHARED(float, scratch, 32);
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x)) sum += partial[i];
  sum = block_sum(sum, scratch);
  if (threadIdx.x == 0) *to = sum;
}

__global__ void clip_coefficient_kernel(const float* square_sum, float max_norm, const float* loss_scale,
                                        float* norm, float* coefficient) {
  const float scale = loss_scale ? *loss_scale : 1.0F;
  *norm = sqrtf(*square_sum) / scale;
  const float clip = max_norm > 0 ? fminf(1.0F, max_norm / (*norm + 1e-6F)) : 1.0F;
  *coefficient = *norm < INFINITY ? clip / scale : NAN;
}

}  // namespace swift::cuda
