// The names of src/cuda/hopper.h on the host; src/cuda/hopper_device.h says what each does.
#pragma once
#include "cuda_host/layer/dialect.h"
#include "cuda_host/layer/hopper.h"

#define SWIFT_HOPPER 1

namespace swift::cuda {

using cuda_host::MatrixTile;

inline void mbarrier_init(uint64_t* barrier, int count) {
  cuda_host::init_mbarrier(barrier, static_cast<unsigned>(count));
}
inline void mbarriers_made() {}
inline void mbarrier_arrive(uint64_t* barrier) {
  cuda_host::arrive_mbarrier(barrier, 0);
}
inline void mbarrier_expect(uint64_t* barrier, int bytes) {
  cuda_host::arrive_mbarrier(barrier, bytes);
}
inline void mbarrier_wait(uint64_t* barrier, uint32_t parity, const Place& place = Place::current()) {
  cuda_host::wait_mbarrier(barrier, parity, place);
}

inline void copy_box(void* to, const TensorMap& map, uint64_t* barrier, int c0, int c1, int c2) {
  cuda_host::copy_tensor(map, to, barrier, {c0, c1, c2});
}
inline void copy_box(void* to, const TensorMap& map, uint64_t* barrier, int c0, int c1, int c2, int c3) {
  cuda_host::copy_tensor(map, to, barrier, {c0, c1, c2, c3});
}
inline void show_writes_to_async() {}

inline MatrixTile matrix_tile(const void* start, int leading, int stride) {
  return {static_cast<const std::byte*>(start), static_cast<uint32_t>(leading),
          static_cast<uint32_t>(stride)};
}
inline MatrixTile shifted(MatrixTile tile, int bytes) {
  tile.start += bytes;
  return tile;
}

template <class T>
constexpr auto kMatrixType =
    std::is_same_v<T, bf16> ? cuda_host::MatrixType::bf16 : cuda_host::MatrixType::f16;

template <class T, int Blocks>
void warpgroup_multiply(float (&d)[Blocks][4], MatrixTile a, MatrixTile b, bool accumulate) {
  cuda_host::Device::get().thread().products.issue(
      {&d[0][0], Blocks, accumulate, kMatrixType<T>, nullptr, a, b, false});
}
template <class T, int Blocks>
void warpgroup_multiply_n(float (&d)[Blocks][4], const uint32_t (&a)[4], MatrixTile b) {
  cuda_host::Device::get().thread().products.issue({&d[0][0], Blocks, true, kMatrixType<T>, a, {}, b, true});
}
inline void warpgroup_fence() {
  cuda_host::Device::get().thread().products.fence();
}
inline void warpgroup_commit() {
  cuda_host::Device::get().thread().products.commit();
}
template <int Groups>
void warpgroup_wait(const Place& place = Place::current()) {
  cuda_host::Device::get().thread().products.wait(Groups, place);
}

template <class Values>
void settle(Values& /*values*/) {}

template <int Registers>
void registers_up() {}
template <int Registers>
void registers_down() {}

// One place for all: threads that come to such a barrier from different lines are meant to meet.
inline const Place& pair_place() {
  static const Place place = Place::current();
  return place;
}
inline void pair_wait(int id, int threads) {
  cuda_host::Device::get().barrier(static_cast<unsigned>(id), static_cast<unsigned>(threads), pair_place());
}
inline void pair_arrive(int id, int threads) {
  cuda_host::Device::get().arrive_barrier(static_cast<unsigned>(id), static_cast<unsigned>(threads),
                                          pair_place());
}

}  // namespace swift::cuda
