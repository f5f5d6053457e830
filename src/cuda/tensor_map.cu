#include <array>

#include "cuda/launch.h"
#include "cuda/tensor_map.h"

namespace swift::cuda {

#if defined(__CUDACC__)
namespace {

using Encode = decltype(&cuTensorMapEncodeTiled);

// The driver's function, without linking the driver: an executable must start where there is none.
Encode encoder(const char* kernel) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found{};
  const cudaError_t status =
      cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found);
  if (status != cudaSuccess || found != cudaDriverEntryPointSuccess || function == nullptr)
    throw base::Error(base::ExitCode::device, std::string(kernel) + ": the driver has no tensor maps", {},
                      "install a driver for CUDA 12 or newer");
  return reinterpret_cast<Encode>(function);
}

}  // namespace

TensorMap tensor_map(const char* kernel, Type type, const void* data,
                     std::span<const TensorDimension> shape) {
  std::array<cuuint64_t, 5> sizes{}, strides{};
  std::array<cuuint32_t, 5> box{}, steps{};
  for (size_t d = 0; d < shape.size(); ++d) {
    sizes[d] = shape[d].size;
    if (d > 0) strides[d - 1] = shape[d].stride;
    box[d] = shape[d].box;
    steps[d] = 1;
  }
  TensorMap map;
  const CUresult status = encoder(kernel)(
      &map, type == Type::float16 ? CU_TENSOR_MAP_DATA_TYPE_FLOAT16 : CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
      static_cast<cuuint32_t>(shape.size()), const_cast<void*>(data), sizes.data(), strides.data(),
      box.data(), steps.data(), CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  if (status != CUDA_SUCCESS)
    refuse(kernel, "the driver refuses a tensor map: error " + std::to_string(static_cast<int>(status)));
  return map;
}

#else

// The checks are those of cuTensorMapEncodeTiled.
TensorMap tensor_map(const char* kernel, Type /*type*/, const void* data,
                     std::span<const TensorDimension> shape) {
  require(shape.size() >= 3 && shape.size() <= 5, kernel, "a tensor map has 3 to 5 dimensions");
  require_aligned(data, 16, kernel);
  TensorMap map;
  map.data = static_cast<const std::byte*>(data);
  map.rank = static_cast<int>(shape.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    const TensorDimension& own = shape[d];
    require(own.size > 0 && own.size <= uint64_t{1} << 32, kernel,
            "a dimension of a tensor map is out of range");
    require(own.box > 0 && own.box <= 256, kernel, "a box of a tensor map is out of range");
    require(d == 0 ? own.box == 64 : own.stride % 16 == 0, kernel, "a row or a stride of a tensor map");
    map.sizes[d] = own.size;
    map.strides[d] = d == 0 ? 2 : own.stride;
    map.box[d] = own.box;
  }
  return map;
}

#endif

}  // namespace swift::cuda
