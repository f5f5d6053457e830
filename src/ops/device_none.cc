// A build without CUDA: every tensor is the CPU's.
#include "ops/device_ops.h"

namespace swift::ops {

const DeviceOps* device_ops(const at::Tensor& /*t*/) {
  return nullptr;
}

}  // namespace swift::ops
