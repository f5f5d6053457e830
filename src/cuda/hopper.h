// Device code of sm_90a alone: mbarriers, tensor maps, products of a warpgroup (128 threads). As dialect.h,
// the same kernel compiles for the host, whose execution layer does what the PTX ISA says of them. Where
// SWIFT_HOPPER is 0 (other architectures) nothing here exists, and a kernel's body is a trap.
#pragma once
#include "cuda/dialect.h"
#include "cuda/tensor_map.h"

#if defined(__CUDACC__)
#include "cuda/hopper_device.h"
#else
#include "cuda_host/layer/hopper_dialect.h"
#endif

namespace swift::cuda {
constexpr int kWarpgroupThreads = 128;
}
