// Kernels of cross_entropy.h. A block has a row and reads it once.
#pragma once
#include "cuda/cross_entropy.h"
#include "cuda/reduce.cuh"

namespace swift::cuda {

constexpr int kLossThreads = 512;
constexpr int kLossPack = 8;  // logits of a thread at a time

// Sum of exponentials of a thread's logits relative to their largest, and of exponentials times logits.
struct LogitSums {
  float largest = -INFINITY, sum = 0, weighted = 0;

  __device__ __forceinline__ void add(float logit) {
    if (logit > largest) {
      rescale(logit);
    }
    const float weight = __expf(logit - largest);
    sum += weight;
    weighted += weight * logit;
  }
  __device__ __forceinline__ void rescale(float top) {
    const float shrink = largest == -INFINITY ? 0.0F : __expf(largest - top);
    sum *= shrink;
    weighted *= shrink;
    largest = top;
  }
};

__device__ __forceinline__ float loss_logit(const CrossEntropy& a, float raw) {
  if (a.soft_cap > 0) raw = a.soft_cap * tanhf(raw / a.soft_cap);
  return raw * a.scale;
}

// Up to 8 values from a row; a pack that the row does not fill is read one by one.
template <class T>
__device__ __forceinline__ Pack<float, kLossPack> load_logits(const T* row, int at, int vocab) {
  constexpr int kWidth = kPackWidth<T> < kLossPack ? kPackWidth<T> : kLossPack;
  Pack<float, kLossPack> values{};
#pragma unroll
  for (int part = 0; part < kLossPack; part += kWidth) {
    if (at + part + kWidth <= vocab) {
      const auto pack = load_once<kWidth>(row + at + part);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) values[part + i] = to_float(pack[i]);
    } else {
#pragma unroll
      for (int i = 0; i < kWidth; ++i)
        if (at + part + i < vocab) values[part + i] = to_float(row[at + part + i]);
    }
  }
  return values;
}

template <class T>
__global__ void __launch_bounds__(kLossThreads)
    cross_entropy_forward_kernel(CrossEntropy a, float* log_probs, float* entropies, float* log_sums) {
  SWIFT_SHARED(float, scratch, 32);
  const int64_t row = blockIdx.x;
  const int target = a.targets[row];
  const int thread = static_cast<int>(threadIdx.x);
  if (target < 0) {
    if (thread == 0) {
      log_probs[row] = 0;
      log_sums[row] = 0;
      if (entropies) entropies[row] = 0;
    }
    return;
  }
  const T* logits = static_cast<const T*>(a.logits) + row * a.stride;
  LogitSums own;
  for (int at = thread * kLossPack; at < a.vocab; at += kLossThreads * kLossPack) {
    const auto pack = load_logits(logits, at, a.vocab);
#pragma unroll
    for (int i = 0; i < kLossPack; ++i)
      if (at + i < a.vocab) own.add(loss_logit(a, pack[i]));
  }
  const float top = block_max(own.largest, scratch);
  own.rescale(top);
  const float sum = block_sum(own.sum, scratch), weighted = block_sum(own.weighted, scratch);
  if (thread == 0) {
    const float log_sum = top + logf(sum);
    log_sums[row] = log_sum;
    log_probs[row] = loss_logit(a, to_float(logits[target])) - log_sum;
    if (entropies) entropies[row] = log_sum - weighted / sum;
  }
}

// d logit = d_log_prob (is target - p) - d_entropy p (log p + entropy), through scale and cap.
template <class T, class D>
__global__ void __launch_bounds__(kLossThreads) cross_entropy_backward_kernel(CrossEntropyBackward a) {
  const CrossEntropy& f = a.forward;
  const int64_t row = blockIdx.x;
  const int target = f.targets[row];
  const bool counted = target >= 0;
  const T* logits = static_cast<const T*>(f.logits) + row * f.stride;
  D* d_logits = static_cast<D*>(a.d_logits) + row * f.stride;
  const float log_sum = a.log_sums[row], d_log_prob = counted ? a.d_log_probs[row] : 0.0F;
  const float d_entropy = counted && a.d_entropies ? a.d_entropies[row] : 0.0F;
  const float entropy = a.d_entropies ? a.entropies[row] : 0.0F;
  for (int at = static_cast<int>(threadIdx.x) * kLossPack; at < f.vocab; at += kLossThreads * kLossPack) {
    const auto pack = load_logits(logits, at, f.vocab);
    constexpr int kWidth = kPackWidth<D> < kLossPack ? kPackWidth<D> : kLossPack;
#pragma unroll
    for (int part = 0; part < kLossPack; part += kWidth) {
      Pack<D, kWidth> gradients;
#pragma unroll
      for (int i = 0; i < kWidth; ++i) {
        const float logit = loss_logit(f, pack[part + i]), log_prob = logit - log_sum;
        const float p = counted ? __expf(log_prob) : 0.0F;
        float d = d_log_prob * ((at + part + i == target ? 1.0F : 0.0F) - p);
        d -= d_entropy * p * (log_prob + entropy);
        d *= f.scale;
        if (f.soft_cap > 0) {
          const float bent = logit / (f.scale * f.soft_cap);
          d *= 1.0F - bent * bent;
        }
        gradients[i] = from_float<D>(counted ? d : 0.0F);
      }
      if (at + part + kWidth <= f.vocab) {
        store(d_logits + at + part, gradients);
      } else {
#pragma unroll
        for (int i = 0; i < kWidth; ++i)
          if (at + part + i < f.vocab) d_logits[at + part + i] = gradients[i];
      }
    }
  }
}

}  // namespace swift::cuda
