#include "cuda/ops/cuda_ops.h"

namespace swift::ops {

const DeviceOps* device_ops(const at::Tensor& t) {
  static const cuda::CudaOps kOps;
  return t.defined() && t.is_cuda() ? &kOps : nullptr;
}

}  // namespace swift::ops
