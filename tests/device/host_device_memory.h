// The device's memory as its own operations see it.
#pragma once
#include <mutex>
#include <vector>

#include "cuda_host/layer/grid.h"

namespace swift::tests {

cuda_host::Memory& layer();

// Of tensors; what is given back is kept for others of its size.
int64_t reserved_bytes();

// Tensors' blocks that were asked for.
int64_t device_allocations();
// While one lives they are not counted: a replay makes results where a device has them already.
struct UncountedAllocations {
  UncountedAllocations();
  ~UncountedAllocations();
};

// While one lives, this thread alone sees the device's memory.
class DeviceWindow {
 public:
  DeviceWindow();

 private:
  std::unique_lock<std::recursive_mutex> lock_;
  cuda_host::Memory::Window window_;
};

// What all tensors on the device hold. Tensors made while one lives are of the pool of graphs: their memory
// goes to other recordings alone, which may write it.
class DeviceSnapshot {
 public:
  DeviceSnapshot();
  ~DeviceSnapshot();
  DeviceSnapshot(const DeviceSnapshot&) = delete;
  DeviceSnapshot& operator=(const DeviceSnapshot&) = delete;
  void restore() const;

 private:
  struct Block {
    std::byte* data;
    std::vector<std::byte> bytes;
  };
  std::vector<Block> blocks_;
};

}  // namespace swift::tests
