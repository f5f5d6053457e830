// The device's memory as its own operations see it.
#pragma once
#include <mutex>

#include "cuda_host/layer/grid.h"

namespace swift::tests {

cuda_host::Memory& layer();

// While one lives, this thread alone sees the device's memory.
class DeviceWindow {
 public:
  DeviceWindow();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  cuda_host::Memory::Window window_;
};

}  // namespace swift::tests
