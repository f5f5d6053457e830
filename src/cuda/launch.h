// From a launcher to its kernel. A launcher takes raw device pointers, sizes and a stream, checks them once,
// chooses the shape of the grid and queues kernels; it never waits for the device.
#pragma once
#include <cstddef>
#include <string>

#include "base/error.h"
#include "cuda/dialect.h"
#include "cuda/types.h"

namespace swift::cuda {

struct LaunchShape {
  dim3 grid;
  dim3 block;
  size_t shared_bytes = 0;  // dynamic
  Stream stream = nullptr;
};

// A precondition of a launcher does not hold.
[[noreturn]] inline void refuse(const char* kernel, const std::string& why) {
  throw base::Error(base::ExitCode::failure, std::string("CUDA kernel ") + kernel + ": " + why, {},
                    "this is a fault of the caller: please report it with the command");
}
inline void require(bool holds, const char* kernel, const char* why) {
  if (!holds) refuse(kernel, why);
}
inline void require_aligned(const void* pointer, size_t bytes, const char* kernel) {
  if (reinterpret_cast<uintptr_t>(pointer) % bytes != 0) {
    refuse(kernel, "a pointer is not aligned to " + std::to_string(bytes) + " bytes");
  }
}

// Queues kernel(args...) on the stream.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), const LaunchShape& shape,
            Arguments... arguments) {
#if defined(__CUDACC__)
  if (shape.shared_bytes > (48 << 10)) {
    cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                         static_cast<int>(shape.shared_bytes));
  }
  kernel<<<shape.grid, shape.block, shape.shared_bytes, shape.stream>>>(
      static_cast<Parameters>(arguments)...);
  if (const cudaError_t status = cudaGetLastError(); status != cudaSuccess) {
    throw base::Error(base::ExitCode::device,
                      std::string("CUDA kernel ") + name + " was not launched: " + cudaGetErrorString(status),
                      {}, "run 'swift doctor' to see the driver and device");
  }
#else
  cuda_host::Device::get().launch(name, shape.grid, shape.block, shape.shared_bytes,
                                  [=] { kernel(static_cast<Parameters>(arguments)...); });
#endif
}

// f(T{}) with the type that `type` names.
template <class Function>
void dispatch(Type type, Function f) {
  switch (type) {
    case Type::float32:
      return f(float{});
    case Type::float16:
      return f(f16{});
    case Type::bfloat16:
      return f(bf16{});
  }
}

}  // namespace swift::cuda
