// What the CUDA driver offers; answers without one, too, so that a CUDA build runs on any machine.
#pragma once
#include <string>
#include <vector>

#include "cuda/fault.h"

namespace swift::cuda {

struct Device {
  std::string name;
  int compute_capability = 0;  // 90 is 9.0
  double memory_gib = 0;
  int multiprocessors = 0;
};

// The visible devices that this build's kernels run on; when there is none, `reason` says why in one line:
// no driver, too old a one, no device, another architecture.
std::vector<Device> devices(std::string& reason);

// What is known of a device, or with -1 of the current one; asks the driver, and never throws.
Facts facts(int device = -1);

// An error of the runtime API (a cudaError_t) with the facts. `planned_bytes`: the run's plan for the device,
// 0 when there is none. `message`: LibTorch's words, when the error came by it.
base::Error device_error(int status, uint64_t planned_bytes = 0, const std::string& message = {});

// Out of memory, as LibTorch tells it.
base::Error out_of_memory(uint64_t planned_bytes, const std::string& message);

}  // namespace swift::cuda
