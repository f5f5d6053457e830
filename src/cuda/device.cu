#include <cuda_runtime.h>

#include "cuda/device.h"

namespace swift::cuda {

std::vector<Device> devices(std::string& reason) {
  std::vector<Device> found;
  int count = 0;
  if (const cudaError_t status = cudaGetDeviceCount(&count); status != cudaSuccess) {
    reason = cudaGetErrorString(status);
    return found;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    found.push_back({properties.name, properties.major * 10 + properties.minor,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30),
                     properties.multiProcessorCount});
  }
  return found;
}

}  // namespace swift::cuda
