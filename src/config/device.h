// Where a task computes.
#pragma once
#include <cstdint>

#include "config/task.h"

namespace swift::config {

struct DeviceChoice {
  enum class Kind { automatic, cpu, cuda } kind = Kind::automatic;
  int64_t index = 0;  // of the visible CUDA devices
};

// `device` as written: auto, cpu, cuda or cuda:N. Throws base::Error(usage) for anything else, and for cuda
// beside a setting of the CPU's alone (cpu_act, lm_head_dtype and layout_cache; offload_optimizer and
// offload_activations), naming both.
DeviceChoice device_choice(const Task& task);

// The first of those settings that the task has, or "".
std::string setting_of_cpu(const Task& task);

}  // namespace swift::config
