#include "cli/compute/device.h"

#include <ATen/detail/CUDAHooksInterface.h>

#include "base/error.h"
#include "base/format.h"
#include "base/log.h"
#include "config/device.h"
#ifdef SWIFT_CUDA
#include "cuda/device.h"
#endif

namespace swift::cli {
namespace {

using base::cat;
using Kind = config::DeviceChoice::Kind;

constexpr bool kCudaBuild =
#ifdef SWIFT_CUDA
    true;
#else
    false;
#endif

// Names of the devices; where there is none, `reason` says why.
std::vector<std::string> names(std::string& reason) {
  std::vector<std::string> found;
#ifdef SWIFT_CUDA
  for (const cuda::Device& device : cuda::devices(reason)) found.push_back(device.name);
#else
  // A build without CUDA has none but those that a program brings along.
  for (int i = 0; i < at::detail::getCUDAHooks().getNumGPUs(); ++i) found.push_back(cat("device ", i));
  if (found.empty()) reason = "this build of swift has no CUDA";
#endif
  return found;
}

}  // namespace

at::Device compute_device(const config::Task& task) {
  const config::DeviceChoice choice = config::device_choice(task);
  if (choice.kind == Kind::cpu) return at::kCPU;
  std::string reason;
  const auto found = names(reason);
  if (choice.kind == Kind::cuda) {
    if (choice.index < static_cast<int64_t>(found.size())) {
      base::log::info(
          cat("computing on CUDA device ", choice.index, ", ", found[static_cast<size_t>(choice.index)]));
      return {at::kCUDA, static_cast<at::DeviceIndex>(choice.index)};
    }
    if (reason.empty()) reason = cat("there are ", found.size(), " CUDA devices, counted from 0");
    throw base::Error(base::ExitCode::device, cat("device: ", task.device, ": ", reason), {},
                      kCudaBuild ? "run 'swift doctor' to see the driver and the devices, or set device: cpu"
                                 : "build with the preset cuda (docs/gpu.md), or set device: cpu");
  }
  if (found.empty()) {
    if (kCudaBuild) base::log::info(reason + "; using the CPU");
    return at::kCPU;
  }
  if (const std::string own = config::setting_of_cpu(task); !own.empty()) {
    base::log::info(cat(own, " is the CPU's: not using CUDA device 0, ", found[0]));
    return at::kCPU;
  }
  base::log::info(cat("computing on CUDA device 0, ", found[0]));
  return {at::kCUDA, 0};
}

base::Error out_of_device_memory(int64_t planned, const c10::OutOfMemoryError& error) {
#ifdef SWIFT_CUDA
  return cuda::out_of_memory(static_cast<uint64_t>(planned), error.what_without_backtrace());
#else
  return {base::ExitCode::device, cat("out of memory: ", base::human_bytes(static_cast<double>(planned)),
                                      " planned; ", error.what_without_backtrace())};
#endif
}

}  // namespace swift::cli
