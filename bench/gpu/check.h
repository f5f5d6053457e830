// CUDA's and cuBLASLt's results turned into errors.
#pragma once
#include <cublasLt.h>
#include <cuda_runtime.h>

#include <string>

#include "base/error.h"

namespace swift::gpu_bench {

// Throws base::Error(device) naming what was done.
inline void check(cudaError_t status, const char* what) {
  if (status != cudaSuccess)
    throw base::Error(base::ExitCode::device, std::string(what) + ": " + cudaGetErrorString(status));
}
inline void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw base::Error(base::ExitCode::device,
                      std::string(what) + ": cuBLASLt status " + std::to_string(static_cast<int>(status)));
}

}  // namespace swift::gpu_bench
