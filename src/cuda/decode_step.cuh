#pragma once
#include "cuda/decode_step.h"
#include "cuda/dialect.h"

namespace swift::cuda {

__global__ void __launch_bounds__(128) decode_step_kernel(DecodeStep a) {
  const int row = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (row >= a.rows || a.lengths[row] == 0) return;
  const int32_t token = a.drawn[row];
  const int64_t position = a.positions[row] + 1, page = position / a.page_tokens;
  a.ids[row] = token < 0 ? 0 : token;
  a.positions[row] = position;
  a.lengths[row] += 1;
  a.slots[row] =
      page < a.table_stride
          ? int64_t{a.tables[int64_t{row} * a.table_stride + page]} * a.page_tokens + position % a.page_tokens
          : -1;
}

}  // namespace swift::cuda
