// What device code is written in: CUDA's own names, and these helpers over instructions that C++ has no name
// for. The same kernel compiles with nvcc, and with the host's compiler over the execution layer of
// tests/cuda_host/, which checks every access, barrier and collective. Device code includes no other header
// of CUDA.
#pragma once
#include <cstdint>
#include <cstring>

#if defined(__CUDACC__)
#include "cuda/dialect_device.h"
#else
#include "cuda_host/layer/dialect.h"
#endif

namespace swift::cuda {

constexpr uint32_t kFullWarp = 0xFFFFFFFF;
constexpr int kWarpThreads = 32;

// N values of T that move in one access; the address is a multiple of their size (at most 16 bytes).
template <class T, int N>
struct alignas(sizeof(T) * N) Pack {
  T values[N];
  __device__ __forceinline__ T& operator[](int i) { return values[i]; }
  __device__ __forceinline__ const T& operator[](int i) const { return values[i]; }
};

// Values of T in the widest access.
template <class T>
constexpr int kPackWidth = 16 / sizeof(T);

template <int N, class T>
__device__ __forceinline__ Pack<T, N> load(const T* from) {
  Pack<T, N> pack;
  const auto raw = load_raw<sizeof(T) * N>(from);
  std::memcpy(&pack, &raw, sizeof pack);
  return pack;
}

// For what is read once: it leaves the caches early.
template <int N, class T>
__device__ __forceinline__ Pack<T, N> load_once(const T* from) {
  Pack<T, N> pack;
  const auto raw = load_raw_once<sizeof(T) * N>(from);
  std::memcpy(&pack, &raw, sizeof pack);
  return pack;
}

template <int N, class T>
__device__ __forceinline__ void store(T* to, const Pack<T, N>& pack) {
  Raw<sizeof(T) * N> raw;
  std::memcpy(&raw, &pack, sizeof pack);
  store_raw<sizeof(T) * N>(to, raw);
}

// Division that rounds up.
template <class T>
__host__ __device__ constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

}  // namespace swift::cuda
