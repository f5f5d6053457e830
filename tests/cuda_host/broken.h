// Runs a kernel that is wrong and says what the layer found.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "cuda/buffer.h"
#include "cuda/dialect.h"

namespace swift::cuda_host {

struct Found {
  std::optional<Fault> fault;
  std::string text;
};

inline Found found_by(dim3 grid, dim3 block, size_t shared_bytes, const std::function<void()>& kernel) {
  try {
    Device::get().launch("broken", grid, block, shared_bytes, kernel);
  } catch (const KernelFault& fault) {
    return {fault.fault(), fault.what()};
  }
  return {};
}

}  // namespace swift::cuda_host
