// The second half of a sum over rows that no number of threads may change: partial sums of a fixed number of
// slices, added in their order.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

// to (columns) = sum over slices of partial (slices, columns).
template <class T>
__global__ void __launch_bounds__(256)
    sum_slices_kernel(const float* partial, T* to, int slices, int columns) {
  const int column = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (column >= columns) return;
  float sum = 0;
  for (int slice = 0; slice < slices; ++slice) sum += partial[int64_t{slice} * columns + column];
  to[column] = from_float<T>(sum);
}

}  // namespace swift::cuda
