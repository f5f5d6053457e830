// What the CUDA driver offers; answers without one, too, so that a CUDA build runs on any machine.
#pragma once
#include <string>
#include <vector>

namespace swift::cuda {

struct Device {
  std::string name;
  int compute_capability = 0;  // 90 is 9.0
  double memory_gib = 0;
  int multiprocessors = 0;
};

// The visible devices; empty when there is no driver or no device, with the reason in `reason`.
std::vector<Device> devices(std::string& reason);

}  // namespace swift::cuda
