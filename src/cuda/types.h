// What launchers take beside pointers; no header of CUDA is needed to call one.
#pragma once
#include <cstddef>
#include <cstdint>

// The runtime's cudaStream_t is a pointer to this.
struct CUstream_st;

namespace swift::cuda {

using Stream = CUstream_st*;

// Type of a tensor's values.
enum class Type { float32, float16, bfloat16 };

constexpr size_t size_of(Type type) {
  return type == Type::float32 ? 4 : 2;
}

}  // namespace swift::cuda
