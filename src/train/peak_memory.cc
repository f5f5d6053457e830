#include "train/peak_memory.h"

#include <fstream>
#include <string>

#include "ops/device_ops.h"

namespace swift::train {

double peak_memory_gib(at::Device device) {
  if (const ops::DeviceOps* there = ops::device_ops(device))
    return static_cast<double>(there->peak_bytes()) / (1024.0 * 1024.0 * 1024.0);
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("VmHWM:")) continue;
    return std::stod(line.substr(6)) / (1024.0 * 1024.0);
  }
  return 0;
}

}  // namespace swift::train
