// Kernels of gated.h: element by element.
#pragma once
#include "cuda/dialect.h"
#include "cuda/gated.h"

namespace swift::cuda {

// act(z) and act'(z).
struct Activated {
  float value, slope;
};
template <Activation A>
__device__ __forceinline__ Activated activate(float z) {
  if constexpr (A == Activation::silu) {
    const float sigmoid = 1.0F / (1.0F + __expf(-z));
    return {z * sigmoid, sigmoid * (1.0F + z * (1.0F - sigmoid))};
  } else if constexpr (A == Activation::gelu_tanh) {
    constexpr float kBeta = 0.7978845608028654F, kKappa = 0.044715F;  // sqrt(2 / pi)
    const float t = tanhf(kBeta * (z + kKappa * z * z * z));
    const float inner = kBeta * (1.0F + 3.0F * kKappa * z * z);
    return {0.5F * z * (1.0F + t), 0.5F * (1.0F + t) + 0.5F * z * (1.0F - t * t) * inner};
  } else {
    const float cdf = 0.5F * (1.0F + erff(z * 0.7071067811865476F));
    return {z * cdf, cdf + z * 0.3989422804014327F * __expf(-0.5F * z * z)};
  }
}

// Block i does part i % parts of row i / parts.
template <class T, Activation A, int Width, bool Backward>
__global__ void __launch_bounds__(256) gated_kernel(Gated a, int parts) {
  const int64_t row = blockIdx.x / static_cast<unsigned>(parts);
  const int part = static_cast<int>(blockIdx.x % static_cast<unsigned>(parts));
  const int at = (part * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x)) * Width;
  if (at >= a.columns) return;
  const int64_t gate_at = row * a.gate_stride + at, up_at = row * a.up_stride + at,
                y_at = row * a.columns + at;
  auto gate = load<Width>(static_cast<const T*>(a.gate) + gate_at);
  auto up = load<Width>(static_cast<const T*>(a.up) + up_at);
  if constexpr (Backward) {
    const auto dy = load<Width>(static_cast<const T*>(a.dy) + y_at);
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      const Activated z = activate<A>(to_float(gate[i]));
      const float d = to_float(dy[i]);
      gate[i] = from_float<T>(d * to_float(up[i]) * z.slope);
      up[i] = from_float<T>(d * z.value);
    }
    store(static_cast<T*>(a.dgate) + gate_at, gate);
    store(static_cast<T*>(a.dup) + up_at, up);
  } else {
#pragma unroll
    for (int i = 0; i < Width; ++i) {
      gate[i] = from_float<T>(activate<A>(to_float(gate[i])).value * to_float(up[i]));
    }
    store(static_cast<T*>(a.y) + y_at, gate);
  }
}

}  // namespace swift::cuda
