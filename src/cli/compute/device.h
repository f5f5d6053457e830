// The device that a task computes on.
#pragma once
#include <string>

#include "base/error.h"
#include "config/task.h"
#include "ops/torch.h"

namespace swift::cli {

// auto is the first CUDA device that this build runs on, and the CPU where there is none or a setting is the
// CPU's; a CUDA build says which it is and why. Throws base::Error(device) when cuda is asked for and is not
// there, with the reason.
at::Device compute_device(const config::Task& task);

// What a device without memory means for the user. planned: bytes, 0: not known.
base::Error out_of_device_memory(int64_t planned, const c10::OutOfMemoryError& error);

}  // namespace swift::cli
