#include <cuda_runtime.h>

#include <stdexcept>

#include "cuda/attention_hopper.h"
#include "cuda/device.h"
#include "cuda/device_memory.h"

namespace swift::cuda_test {
namespace {

void check(cudaError_t status) {
  if (status != cudaSuccess) throw std::runtime_error(cudaGetErrorString(status));
}

}  // namespace

void* allocate(size_t bytes, const std::string&) {
  void* data = nullptr;
  check(cudaMalloc(&data, bytes == 0 ? 1 : bytes));
  check(cudaMemset(data, 0xFF, bytes));
  return data;
}
void release(void* data) {
  cudaFree(data);
}
void upload(void* to, const void* from, size_t bytes) {
  check(cudaMemcpy(to, from, bytes, cudaMemcpyHostToDevice));
}
void download(void* to, const void* from, size_t bytes) {
  check(cudaDeviceSynchronize());
  check(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost));
}
size_t launches() {
  return 0;
}
void set_shared_limit(size_t) {}
bool runs_hopper() {
  return cuda::on_hopper();
}
bool present(std::string& reason) {
  return !cuda::devices(reason).empty();
}
int orders() {
  return 1;
}
void set_order(int) {}

}  // namespace swift::cuda_test
