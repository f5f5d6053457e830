// Tensors on their way to a device.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

// A tensor in host memory where `device` computes; on a GPU through pinned memory, so that the host does not
// wait for the copy.
inline at::Tensor uploaded(const at::Tensor& host, at::Device device) {
  return device.is_cpu() ? host : host.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace swift::ops
