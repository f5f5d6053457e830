// What a CUDA error means for a user: what happened, why, what to do, and the exit code. Nothing here calls
// CUDA, so it is tested without a device; device.h gathers the facts.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace swift::cuda {

enum class Fault {
  none,
  no_driver,
  old_driver,
  no_device,           // the driver shows none
  wrong_architecture,  // no kernel of this build runs on the device
  out_of_memory,
  lost,    // the hardware or the driver gave up: memory faults, links, time limits
  kernel,  // a kernel broke off: nothing more runs in this process
  busy,    // held by another process
  caller   // a call that CUDA refuses: a fault of this program
};

// What was known when it happened; 0 or empty: not known.
struct Facts {
  int driver_version = 0;       // the CUDA version that the driver serves, 13000 for 13.0; 0: no driver
  int runtime_version = 0;      // the one that this build needs, in the same form
  std::string architectures;    // that kernels are compiled for, as CMake writes them: "80 89 90a"
  std::string device;           // "NVIDIA H200"
  int compute_capability = 0;   // 90 is 9.0
  std::string visible_devices;  // CUDA_VISIBLE_DEVICES
  uint64_t planned_bytes = 0;   // that the run's plan takes on the device
  uint64_t wanted_bytes = 0;    // of the allocation that failed
  uint64_t free_bytes = 0, total_bytes = 0;  // of the device
};

// From the name of a CUDA error ("cudaErrorMemoryAllocation"; "cudaSuccess" is none).
Fault fault_of(std::string_view error_name, const Facts& facts);

// Whether kernels compiled for `architectures` run on a device. Machine code runs on its own major version
// from its own minor version on, "90a" on 9.0 alone; without "-real" its PTX is compiled by newer drivers for
// any later device.
bool runs_on(std::string_view architectures, int compute_capability);

// One line without an end: "no NVIDIA driver". `text` is CUDA's own, for faults that have no better words.
std::string explain(Fault fault, const Facts& facts, std::string_view text = {});

// The same as an error with a hint. Code `device`; `temporary` for a busy device and `failure` for a fault of
// the caller.
base::Error device_error(Fault fault, const Facts& facts, std::string_view text = {});

// Bytes in LibTorch's "CUDA out of memory. Tried to allocate 2.00 GiB. …"; 0 when it names none.
uint64_t wanted_bytes(std::string_view message);

}  // namespace swift::cuda
