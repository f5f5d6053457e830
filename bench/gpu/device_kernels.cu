#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include "check.h"
#include "device_kernels.h"

namespace swift::gpu_bench {
namespace {

constexpr int kThreads = 256, kBlocks = 2048;

__device__ uint32_t hash(uint64_t at, uint32_t seed) {
  uint64_t x = (at + 1) * 0x9E3779B97F4A7C15ULL + seed;
  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ x >> 27) * 0x94D049BB133111EBULL;
  return static_cast<uint32_t>(x >> 32);
}

// The sum of four uniform numbers is near enough to a normal one.
__device__ float value_at(uint64_t at, uint32_t seed, float spread) {
  float sum = 0;
  for (uint64_t i = 0; i < 4; ++i) sum += static_cast<float>(hash(4 * at + i, seed)) * 0x1p-32F;
  return (sum - 2.0F) * 1.7320508F * spread;
}

__device__ void put(float* to, float value) {
  *to = value;
}
__device__ void put(__half* to, float value) {
  *to = __float2half_rn(value);
}
__device__ void put(__nv_bfloat16* to, float value) {
  *to = __float2bfloat16_rn(value);
}

template <class T>
__global__ void fill_kernel(T* data, size_t count, uint32_t seed, float spread) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < count; i += step)
    put(data + i, value_at(i, seed, spread));
}

__global__ void fill_bytes_kernel(uint8_t* data, size_t bytes, uint32_t seed) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  for (size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x; i < bytes; i += step)
    data[i] = static_cast<uint8_t>(hash(i, seed) >> 24);
}

// Four accesses of 16 bytes are under way in each thread.
__global__ void read_kernel(const uint4* data, size_t count, float* never_written) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  uint32_t sum = 0;
  size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (; i + 3 * step < count; i += 4 * step) {
    const uint4 a = data[i], b = data[i + step], c = data[i + 2 * step], d = data[i + 3 * step];
    sum |= a.x | b.y | c.z | d.w;
  }
  for (; i < count; i += step) sum |= data[i].x;
  if (sum == 0x12345679U) *never_written = 1.0F;
}

__global__ void copy_kernel(uint4* to, const uint4* from, size_t count) {
  const size_t step = size_t{gridDim.x} * blockDim.x;
  size_t i = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  for (; i + 3 * step < count; i += 4 * step) {
    const uint4 a = from[i], b = from[i + step], c = from[i + 2 * step], d = from[i + 3 * step];
    to[i] = a;
    to[i + step] = b;
    to[i + 2 * step] = c;
    to[i + 3 * step] = d;
  }
  for (; i < count; i += step) to[i] = from[i];
}

__global__ void wait_kernel(uint64_t nanoseconds) {
  uint64_t start = 0, now = 0;
  asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(start));
  do {
    asm volatile("mov.u64 %0, %%globaltimer;" : "=l"(now));
  } while (now - start < nanoseconds);
}

}  // namespace

void fill_values(void* data, cuda::Type type, size_t count, uint32_t seed, float spread) {
  switch (type) {
    case cuda::Type::float32:
      fill_kernel<<<kBlocks, kThreads>>>(static_cast<float*>(data), count, seed, spread);
      break;
    case cuda::Type::float16:
      fill_kernel<<<kBlocks, kThreads>>>(static_cast<__half*>(data), count, seed, spread);
      break;
    case cuda::Type::bfloat16:
      fill_kernel<<<kBlocks, kThreads>>>(static_cast<__nv_bfloat16*>(data), count, seed, spread);
      break;
  }
  check(cudaGetLastError(), "filling with values");
}

void fill_bytes(void* data, size_t bytes, uint32_t seed) {
  fill_bytes_kernel<<<kBlocks, kThreads>>>(static_cast<uint8_t*>(data), bytes, seed);
  check(cudaGetLastError(), "filling with bytes");
}

void read_all(const void* data, size_t bytes, float* never_written) {
  read_kernel<<<kBlocks, kThreads>>>(static_cast<const uint4*>(data), bytes / sizeof(uint4), never_written);
}

void copy_all(void* to, const void* from, size_t bytes) {
  copy_kernel<<<kBlocks, kThreads>>>(static_cast<uint4*>(to), static_cast<const uint4*>(from),
                                     bytes / sizeof(uint4));
}

void wait_on_device(double seconds) {
  wait_kernel<<<1, 1>>>(static_cast<uint64_t>(seconds * 1e9));
}

}  // namespace swift::gpu_bench
