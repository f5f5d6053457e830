// The names of hopper.h under nvcc for sm_90a: mbarriers, cp.async.bulk.tensor, wgmma, setmaxnreg.
// tests/cuda_host/layer/hopper_dialect.h declares the same for the host. Source: PTX ISA 8.0 and newer.
#pragma once
#include <cuda.h>

#include <cstdint>
#include <type_traits>

#include "cuda/dialect_device.h"

#if defined(__CUDA_ARCH_FEAT_SM90_ALL)
#define SWIFT_HOPPER 1
#else
#define SWIFT_HOPPER 0
#endif

#if SWIFT_HOPPER
namespace swift::cuda {

// A barrier in shared memory whose phase ends after `count` arrivals and all bytes that were expected.
__device__ __forceinline__ void mbarrier_init(uint64_t* barrier, int count) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;\n" ::"r"(shared_address(barrier)), "r"(count)
               : "memory");
}
// Shows new barriers to the copies; a __syncthreads() shows them to the threads.
__device__ __forceinline__ void mbarriers_made() {
  asm volatile("fence.mbarrier_init.release.cluster;\n" ::: "memory");
}
__device__ __forceinline__ void mbarrier_arrive(uint64_t* barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];\n" ::"r"(shared_address(barrier)) : "memory");
}
// Arrives, and lets the phase wait for `bytes` that copies bring.
__device__ __forceinline__ void mbarrier_expect(uint64_t* barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;\n" ::"r"(shared_address(barrier)),
               "r"(bytes)
               : "memory");
}
// Until the phase of this parity has ended; of a new barrier the phase of parity 1 has.
__device__ __forceinline__ void mbarrier_wait(uint64_t* barrier, uint32_t parity) {
  asm volatile(
      "{\n"
      ".reg .pred ended;\n"
      "again:\n"
      "mbarrier.try_wait.parity.shared::cta.b64 ended, [%0], %1;\n"
      "@!ended bra again;\n"
      "}\n" ::"r"(shared_address(barrier)),
      "r"(parity)
      : "memory");
}

// One thread asks for the map's box at these coordinates (the innermost first); its bytes count at the
// barrier, those outside of the tensor too. `to` is on 1024 bytes.
__device__ __forceinline__ void copy_box(void* to, const CUtensorMap& map, uint64_t* barrier, int c0, int c1,
                                         int c2) {
  asm volatile(
      "cp.async.bulk.tensor.3d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, "
      "%5}], [%2];\n" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(c0), "r"(c1), "r"(c2)
      : "memory");
}
__device__ __forceinline__ void copy_box(void* to, const CUtensorMap& map, uint64_t* barrier, int c0, int c1,
                                         int c2, int c3) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.tile.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, "
      "%5, %6}], [%2];\n" ::"r"(shared_address(to)),
      "l"(&map), "r"(shared_address(barrier)), "r"(c0), "r"(c1), "r"(c2), "r"(c3)
      : "memory");
}
// Shows this thread's writes to shared memory to copies and products; then the threads must meet.
__device__ __forceinline__ void show_writes_to_async() {
  asm volatile("fence.proxy.async.shared::cta;\n" ::: "memory");
}

// A tile of 16-bit values in shared memory, in rows of 128 swizzled bytes as copy_box leaves them. `stride`:
// bytes from eight rows to the next eight; `leading`: bytes from 64 columns to the next 64, where the rows
// run along n. Fields: start, leading and stride in units of 16 bytes at bits 0, 16 and 32; the swizzle
// at 62.
using MatrixTile = uint64_t;
__device__ __forceinline__ MatrixTile matrix_tile(const void* start, int leading, int stride) {
  return static_cast<uint64_t>((shared_address(start) & 0x3FFFF) >> 4) |
         static_cast<uint64_t>(leading >> 4) << 16 | static_cast<uint64_t>(stride >> 4) << 32 |
         uint64_t{1} << 62;
}
// The tile that starts `bytes` later, a multiple of 16.
__device__ __forceinline__ MatrixTile shifted(MatrixTile tile, int bytes) {
  return tile + static_cast<uint64_t>(bytes >> 4);
}

// Orders accesses of registers before the products that follow; to be called before the first of a group.
__device__ __forceinline__ void warpgroup_fence() {
  asm volatile("wgmma.fence.sync.aligned;\n" ::: "memory");
}
__device__ __forceinline__ void warpgroup_commit() {
  asm volatile("wgmma.commit_group.sync.aligned;\n" ::: "memory");
}
// Until at most Groups of the last groups are under way; only then are their accumulators what they say.
template <int Groups>
__device__ __forceinline__ void warpgroup_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;\n" ::"n"(Groups) : "memory");
}

// The compiler keeps these values in their registers and neither reads nor moves them across this point: it
// does not know that products go on after their instruction. Before warpgroup_fence() and after the wait.
template <int Blocks>
__device__ __forceinline__ void settle(float (&d)[Blocks][4]) {
#pragma unroll
  for (int i = 0; i < Blocks; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) asm volatile("" : "+f"(d[i][j])::"memory");
  }
}
template <int Blocks>
__device__ __forceinline__ void settle(uint32_t (&a)[Blocks][4]) {
#pragma unroll
  for (int i = 0; i < Blocks; ++i) {
#pragma unroll
    for (int j = 0; j < 4; ++j) asm volatile("" : "+r"(a[i][j])::"memory");
  }
}

// Registers of a thread from here on, for all threads of a warpgroup; a multiple of 8.
template <int Registers>
__device__ __forceinline__ void registers_up() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;\n" ::"n"(Registers));
}
template <int Registers>
__device__ __forceinline__ void registers_down() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;\n" ::"n"(Registers));
}

// Barrier `id` as named_barrier(), where some of the threads only arrive.
__device__ __forceinline__ void pair_wait(int id, int threads) {
  asm volatile("bar.sync %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
}
__device__ __forceinline__ void pair_arrive(int id, int threads) {
  asm volatile("bar.arrive %0, %1;\n" ::"r"(id), "r"(threads) : "memory");
}

}  // namespace swift::cuda

#include "cuda/hopper_products.h"
#endif
