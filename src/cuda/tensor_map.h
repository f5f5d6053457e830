// What a tensor copy (TMA) needs to know of a tensor of 16-bit values in the device's memory: made by the
// host, given to a kernel as a `const __grid_constant__ TensorMap`.
#pragma once
#include <cstdint>
#include <span>

#include "cuda/types.h"

#if defined(__CUDACC__)
#include <cuda.h>
namespace swift::cuda {
using TensorMap = CUtensorMap;
}
#else
#include "cuda_host/layer/hopper.h"
namespace swift::cuda {
using TensorMap = cuda_host::TensorMap;
}
#endif

namespace swift::cuda {

// One dimension, the innermost first.
struct TensorDimension {
  uint64_t size;
  uint64_t stride;  // bytes, a multiple of 16; not used of the first, whose values lie side by side
  uint32_t box;     // of a copy; 64 of the first: 128 bytes, the width that is swizzled
};

// Of `data`, on 16 bytes. Copies get zeros for what lies outside. Throws base::Error(device) when the driver
// refuses it, naming `kernel`.
TensorMap tensor_map(const char* kernel, Type type, const void* data, std::span<const TensorDimension> shape);

}  // namespace swift::cuda
