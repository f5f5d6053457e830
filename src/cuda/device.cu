#include <cuda_runtime.h>

#include <cstdlib>

#include "cuda/device.h"

namespace swift::cuda {
namespace {

// Versions, architectures and what hides devices: known without a device.
Facts build_facts() {
  Facts f;
  if (cudaDriverGetVersion(&f.driver_version) != cudaSuccess) f.driver_version = 0;
  if (cudaRuntimeGetVersion(&f.runtime_version) != cudaSuccess) f.runtime_version = CUDART_VERSION;
  f.architectures = SWIFT_CUDA_ARCHITECTURES;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) f.visible_devices = visible;
  return f;
}

}  // namespace

std::vector<Device> devices(std::string& reason) {
  std::vector<Device> found;
  Facts f = build_facts();
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    const Fault fault =
        count == 0 && status == cudaSuccess ? Fault::no_device : fault_of(cudaGetErrorName(status), f);
    reason = explain(fault, f, cudaGetErrorString(status));
    cudaGetLastError();
    return found;
  }
  for (int i = 0; i < count; ++i) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, i) != cudaSuccess) continue;
    f.device = properties.name;
    f.compute_capability = properties.major * 10 + properties.minor;
    if (!runs_on(f.architectures, f.compute_capability)) {
      reason = explain(Fault::wrong_architecture, f);
      continue;
    }
    found.push_back({properties.name, f.compute_capability,
                     static_cast<double>(properties.totalGlobalMem) / (1 << 30),
                     properties.multiProcessorCount});
  }
  if (found.empty() && reason.empty()) reason = explain(Fault::no_device, f);
  return found;
}

Facts facts(int device) {
  Facts f = build_facts();
  cudaDeviceProp properties{};
  size_t free_bytes = 0, total_bytes = 0;
  int current = 0;
  if (cudaGetDevice(&current) == cudaSuccess &&
      cudaGetDeviceProperties(&properties, device < 0 ? current : device) == cudaSuccess) {
    f.device = properties.name;
    f.compute_capability = properties.major * 10 + properties.minor;
    f.total_bytes = properties.totalGlobalMem;
    if ((device < 0 || device == current) && cudaMemGetInfo(&free_bytes, &total_bytes) == cudaSuccess) {
      f.free_bytes = free_bytes;
      f.total_bytes = total_bytes;
    }
  }
  cudaGetLastError();
  return f;
}

base::Error device_error(int status, uint64_t planned_bytes, const std::string& message) {
  Facts f = facts();
  f.planned_bytes = planned_bytes;
  f.wanted_bytes = wanted_bytes(message);
  const auto error = static_cast<cudaError_t>(status);
  return device_error(fault_of(cudaGetErrorName(error), f), f, cudaGetErrorString(error));
}

base::Error out_of_memory(uint64_t planned_bytes, const std::string& message) {
  return device_error(cudaErrorMemoryAllocation, planned_bytes, message);
}

}  // namespace swift::cuda
