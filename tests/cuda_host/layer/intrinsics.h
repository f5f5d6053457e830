// CUDA's names for the host: what src/cuda/dialect.h includes when no CUDA compiler is at work.
#pragma once
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "cuda_host/layer/grid.h"
#include "cuda_host/layer/matrix.h"
#include "cuda_host/layer/numbers.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __grid_constant__

#define threadIdx (::swift::cuda_host::Device::get().thread().index)
#define blockIdx (::swift::cuda_host::Device::get().block().index)
#define blockDim (::swift::cuda_host::Device::get().block_size())
#define gridDim (::swift::cuda_host::Device::get().grid_size())

// Shared memory of the block: `count` values of `type`; a pointer under this layer, an array under nvcc.
#define SWIFT_SHARED(type, name, count)                                                       \
  type* const name = reinterpret_cast<type*>(::swift::cuda_host::Device::get().shared_static( \
      [] {                                                                                    \
        static const char key = 0;                                                            \
        return static_cast<const void*>(&key);                                                \
      }(),                                                                                    \
      sizeof(type) * (count), #name))

using std::max;
using std::min;

namespace swift::cuda_host {

template <class T>
T shuffle(const char* name, uint32_t mask, T value, const Place& place, auto source) {
  T result = value;
  meet(name, mask, &value, sizeof value, place, [&](const Meeting& all) {
    const unsigned lane = Device::get().thread().lane();
    const unsigned from = source(lane);
    if ((mask >> from & 1) == 0) {
      Device::get().fail(Fault::mask, std::string(name) + " reads lane " + std::to_string(from) +
                                          ", which is not in the mask");
    }
    result = all.of<T>(from);
  });
  return result;
}

template <class T>
T reduce(const char* name, uint32_t mask, T value, const Place& place, auto combine) {
  T result{};
  meet(name, mask, &value, sizeof value, place, [&](const Meeting& all) {
    bool first = true;
    for (unsigned lane = 0; lane < kWarp; ++lane) {
      if ((mask >> lane & 1) == 0) continue;
      result = first ? all.of<T>(lane) : combine(result, all.of<T>(lane));
      first = false;
    }
  });
  return result;
}

// A read-modify-write of `change`; returns the old value. Traced as an atomic, not as a load and a store.
template <class T, class Change>
__attribute__((noinline, no_sanitize("thread"))) T atomic(T* address, Change change) {
  Device& device = Device::get();
  if (reinterpret_cast<uintptr_t>(address) % sizeof(T) != 0) device.fail(Fault::alignment, "an atomic");
  device.memory().check(address, sizeof(T), Access::atomic, true, __builtin_return_address(0));
  T old;
  std::memcpy(&old, address, sizeof(T));
  const T next = change(old);
  std::memcpy(address, &next, sizeof(T));
  device.atomic_done();
  return old;
}

}  // namespace swift::cuda_host

inline void __syncthreads(const std::source_location& place = std::source_location::current()) {
  swift::cuda_host::Device::get().barrier(0, 0, place);
}
inline int __syncthreads_count(int predicate,
                               const std::source_location& place = std::source_location::current()) {
  auto& device = swift::cuda_host::Device::get();
  const uint64_t phase = device.block().barriers;
  device.block().votes[phase] += predicate != 0 ? 1 : 0;
  device.barrier(0, 0, place);
  return static_cast<int>(device.block().votes[phase]);
}
inline int __syncthreads_or(int predicate,
                            const std::source_location& place = std::source_location::current()) {
  return __syncthreads_count(predicate, place) != 0 ? 1 : 0;
}
inline int __syncthreads_and(int predicate,
                             const std::source_location& place = std::source_location::current()) {
  return __syncthreads_count(predicate == 0 ? 1 : 0, place) == 0 ? 1 : 0;
}
inline void __syncwarp(uint32_t mask = 0xFFFFFFFF,
                       const std::source_location& place = std::source_location::current()) {
  char nothing = 0;
  swift::cuda_host::meet("__syncwarp", mask, &nothing, 1, place, [](const auto& all) {
    if (all.left == 0) swift::cuda_host::Device::get().order_warp();
  });
}
inline void __threadfence() {
  swift::cuda_host::Device::get().fence();
}

template <class T>
T __shfl_sync(uint32_t mask, T value, int from, int width = 32,
              const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::shuffle("__shfl_sync", mask, value, place, [&](unsigned lane) {
    return (lane & ~static_cast<unsigned>(width - 1)) |
           (static_cast<unsigned>(from) & static_cast<unsigned>(width - 1));
  });
}
template <class T>
T __shfl_xor_sync(uint32_t mask, T value, int bits, int width = 32,
                  const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::shuffle("__shfl_xor_sync", mask, value, place, [&](unsigned lane) {
    const unsigned from = lane ^ static_cast<unsigned>(bits);
    return from / static_cast<unsigned>(width) > lane / static_cast<unsigned>(width) ? lane : from;
  });
}
template <class T>
T __shfl_up_sync(uint32_t mask, T value, unsigned by, int width = 32,
                 const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::shuffle("__shfl_up_sync", mask, value, place, [&](unsigned lane) {
    return lane % static_cast<unsigned>(width) < by ? lane : lane - by;
  });
}
template <class T>
T __shfl_down_sync(uint32_t mask, T value, unsigned by, int width = 32,
                   const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::shuffle("__shfl_down_sync", mask, value, place, [&](unsigned lane) {
    return lane % static_cast<unsigned>(width) + by >= static_cast<unsigned>(width) ? lane : lane + by;
  });
}
inline uint32_t __ballot_sync(uint32_t mask, int predicate,
                              const std::source_location& place = std::source_location::current()) {
  const uint32_t own = predicate != 0 ? 1U << swift::cuda_host::Device::get().thread().lane() : 0U;
  return swift::cuda_host::reduce("__ballot_sync", mask, own, place,
                                  [](uint32_t a, uint32_t b) { return a | b; });
}
inline int __any_sync(uint32_t mask, int predicate,
                      const std::source_location& place = std::source_location::current()) {
  return __ballot_sync(mask, predicate, place) != 0 ? 1 : 0;
}
inline int __all_sync(uint32_t mask, int predicate,
                      const std::source_location& place = std::source_location::current()) {
  return __ballot_sync(mask, predicate, place) == mask ? 1 : 0;
}
template <class T>
T __reduce_add_sync(uint32_t mask, T value,
                    const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::reduce("__reduce_add_sync", mask, value, place, [](T a, T b) { return a + b; });
}
template <class T>
T __reduce_max_sync(uint32_t mask, T value,
                    const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::reduce("__reduce_max_sync", mask, value, place,
                                  [](T a, T b) { return max(a, b); });
}
template <class T>
T __reduce_min_sync(uint32_t mask, T value,
                    const std::source_location& place = std::source_location::current()) {
  return swift::cuda_host::reduce("__reduce_min_sync", mask, value, place,
                                  [](T a, T b) { return min(a, b); });
}

template <class T>
T atomicAdd(T* address, T value) {
  return swift::cuda_host::atomic(address, [=](T old) { return old + value; });
}
template <class T>
T atomicMax(T* address, T value) {
  return swift::cuda_host::atomic(address, [=](T old) { return max(old, value); });
}
template <class T>
T atomicMin(T* address, T value) {
  return swift::cuda_host::atomic(address, [=](T old) { return min(old, value); });
}
template <class T>
T atomicOr(T* address, T value) {
  return swift::cuda_host::atomic(address, [=](T old) { return old | value; });
}
template <class T>
T atomicExch(T* address, T value) {
  return swift::cuda_host::atomic(address, [=](T) { return value; });
}
template <class T>
T atomicCAS(T* address, T expected, T value) {
  return swift::cuda_host::atomic(address, [=](T old) { return old == expected ? value : old; });
}
inline unsigned atomicInc(unsigned* address, unsigned last) {
  return swift::cuda_host::atomic(address, [=](unsigned old) { return old >= last ? 0U : old + 1; });
}

inline float __expf(float x) {
  return std::exp(x);
}
inline float __logf(float x) {
  return std::log(x);
}
inline float __fdividef(float a, float b) {
  return a / b;
}
inline float rsqrtf(float x) {
  return 1.0F / std::sqrt(x);
}
inline float __frcp_rn(float x) {
  return 1.0F / x;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline int __float2int_rn(float x) {
  return static_cast<int>(std::nearbyint(x));
}
inline uint32_t __float_as_uint(float x) {
  return std::bit_cast<uint32_t>(x);
}
inline int __float_as_int(float x) {
  return std::bit_cast<int>(x);
}
inline float __uint_as_float(uint32_t x) {
  return std::bit_cast<float>(x);
}
inline float __int_as_float(int x) {
  return std::bit_cast<float>(x);
}
inline int __popc(uint32_t x) {
  return std::popcount(x);
}
inline int __clz(uint32_t x) {
  return std::countl_zero(x);
}
inline int __ffs(uint32_t x) {
  return x == 0 ? 0 : std::countr_zero(x) + 1;
}
inline uint32_t __umulhi(uint32_t a, uint32_t b) {
  return static_cast<uint32_t>(uint64_t{a} * b >> 32);
}
inline unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  return static_cast<unsigned long long>(static_cast<unsigned __int128>(a) * b >> 64);
}
inline uint32_t __byte_perm(uint32_t low, uint32_t high, uint32_t selector) {
  const uint64_t bytes = uint64_t{high} << 32 | low;
  uint32_t result = 0;
  for (unsigned i = 0; i < 4; ++i) {
    result |= static_cast<uint32_t>(bytes >> (selector >> (4 * i) & 7) * 8 & 0xFF) << (8 * i);
  }
  return result;
}
inline int __dp4a(int a, int b, int sum) {
  for (unsigned i = 0; i < 4; ++i)
    sum += static_cast<int8_t>(a >> (8 * i)) * static_cast<int8_t>(b >> (8 * i));
  return sum;
}
