// The execution layer of tests/cuda_host as ATen's CUDA device of a build without CUDA. Tensors on it lie in
// memory that the host cannot touch; ATen's operations run on copies on the CPU; kernels run on the layer,
// which reports reads of what nobody wrote. What would hold up the host on a GPU is counted.
#pragma once
#include <cstdint>

#include "ops/torch.h"

namespace swift::tests {

// To be called once, before any tensor lies on the device.
void use_host_device();

// The device's name in configurations is `cuda`.
inline at::Device host_device() {
  return {at::kCUDA, 0};
}

// Whether the device is the layer, not a GPU (gpu.cc).
bool on_layer();

// From now on an allocation of more bytes finds no memory.
void limit_device(size_t bytes);

// What happened since the program started.
struct DeviceTraffic {
  int64_t waits;        // of the host for the device: values read back, shapes that depend on values
  int64_t launches;     // of kernels of src/cuda
  int64_t allocations;  // of memory for tensors, by what is no graph
};
DeviceTraffic device_traffic();

}  // namespace swift::tests
