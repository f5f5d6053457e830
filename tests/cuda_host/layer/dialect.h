// The dialect of src/cuda/dialect.h on the host; src/cuda/dialect_device.h says what each does.
#pragma once
#include <type_traits>

#include "cuda_host/layer/intrinsics.h"

namespace swift::cuda {

using bf16 = cuda_host::Bf16;
using f16 = cuda_host::Half;
using Place = std::source_location;

inline float to_float(float x) {
  return x;
}
using cuda_host::to_float;

template <class T>
T from_float(float x) {
  if constexpr (std::is_same_v<T, bf16>) {
    return cuda_host::to_bf16(x);
  } else if constexpr (std::is_same_v<T, f16>) {
    return cuda_host::to_half(x);
  } else {
    return x;
  }
}

template <int Bytes>
struct alignas(Bytes) Raw {
  unsigned char bytes[Bytes];
};

// Checked as one access, and traced so: the loads below would be traced byte by byte.
template <int Bytes>
__attribute__((noinline, no_sanitize("thread"))) void move_raw(void* to, const void* from, const void* device,
                                                               cuda_host::Access access) {
  auto& self = cuda_host::Device::get();
  if (reinterpret_cast<uintptr_t>(device) % Bytes != 0) {
    self.fail(cuda_host::Fault::alignment,
              "a vector of " + std::to_string(Bytes) + " bytes at an address not a multiple");
  }
  self.memory().check(device, Bytes, access, false, __builtin_return_address(0));
  std::memcpy(to, from, Bytes);
}

template <int Bytes>
Raw<Bytes> load_raw(const void* from) {
  Raw<Bytes> raw;
  move_raw<Bytes>(&raw, from, from, cuda_host::Access::read);
  return raw;
}
template <int Bytes>
Raw<Bytes> load_raw_once(const void* from) {
  return load_raw<Bytes>(from);
}
template <int Bytes>
void store_raw(void* to, const Raw<Bytes>& raw) {
  move_raw<Bytes>(to, &raw, to, cuda_host::Access::write);
}

template <class T>
T* dynamic_shared() {
  return reinterpret_cast<T*>(cuda_host::Device::get().shared_dynamic());
}

template <int Bytes>
void cp_async(void* shared, const void* global, bool valid = true) {
  cuda_host::async_copy(shared, global, Bytes, valid ? Bytes : 0);
}
inline void cp_async_commit() {
  cuda_host::Device::get().thread().copies.commit();
}
template <int Groups>
void cp_async_wait() {
  cuda_host::Device::get().thread().copies.wait(Groups);
}

template <int Matrices>
void load_matrices(uint32_t (&r)[Matrices], const void* row, const Place& place = Place::current()) {
  cuda_host::load_matrices(r, Matrices, false, row, place);
}
template <int Matrices>
void load_matrices_transposed(uint32_t (&r)[Matrices], const void* row,
                              const Place& place = Place::current()) {
  cuda_host::load_matrices(r, Matrices, true, row, place);
}

template <class T>
void mma_m16n8k16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                  const Place& place = Place::current()) {
  const auto type = std::is_same_v<T, bf16> ? cuda_host::MatrixType::bf16 : cuda_host::MatrixType::f16;
  cuda_host::multiply_m16n8k16(d, a, b, type, place);
}
inline void mma_m16n8k32(int32_t (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2],
                         const Place& place = Place::current()) {
  cuda_host::multiply_m16n8k32(d, a, b, place);
}

template <int Table>
uint32_t lop3(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t d = 0;
  for (int bits = 0; bits < 8; ++bits) {
    if ((Table >> bits & 1) == 0) continue;
    d |= ((bits & 4) != 0 ? a : ~a) & ((bits & 2) != 0 ? b : ~b) & ((bits & 1) != 0 ? c : ~c);
  }
  return d;
}

template <class T>
uint32_t pair_of(float low, float high) {
  return from_float<T>(low).bits | uint32_t{from_float<T>(high).bits} << 16;
}
template <class T>
float half_of(uint32_t word, int upper) {
  return to_float(T{static_cast<uint16_t>(upper != 0 ? word >> 16 : word)});
}
// The product of two 16-bit values is exact in fp32; the sum then rounds twice, which differs from the device
// in rare halfway cases.
template <class T>
uint32_t fma2(uint32_t a, uint32_t b, uint32_t c) {
  const auto one = [&](int i) { return std::fma(half_of<T>(a, i), half_of<T>(b, i), half_of<T>(c, i)); };
  return pair_of<T>(one(0), one(1));
}
inline uint32_t sub_f16x2(uint32_t a, uint32_t b) {
  return pair_of<f16>(half_of<f16>(a, 0) - half_of<f16>(b, 0), half_of<f16>(a, 1) - half_of<f16>(b, 1));
}

inline void named_barrier(int id, int threads, const Place& place = Place::current()) {
  cuda_host::Device::get().barrier(static_cast<unsigned>(id), static_cast<unsigned>(threads), place);
}

}  // namespace swift::cuda
