// What a run's log calls memory_gib.
#pragma once
#include "ops/torch.h"

namespace swift::train {

// Peak memory in GiB: of a GPU what the allocator of tensors had reserved, of the CPU the resident memory of
// this process (VmHWM).
double peak_memory_gib(at::Device device);

}  // namespace swift::train
