// The settings that keep tensors outside of memory.
#pragma once
#include "config/task.h"

namespace swift::config {

// Throws base::Error(usage) naming the settings that exclude each other.
void check_offload(const Task& task);

}  // namespace swift::config
