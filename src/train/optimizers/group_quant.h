// Q-GaLore's projections in INT4, a scale for each group of consecutive values (arXiv 2407.08296).
#pragma once
#include "ops/torch.h"

namespace swift::train {

// Two values a byte (the first in the lower half), value = scale * (code - zero), codes 0 to 15.
// The last group may be shorter.
struct Int4Tensor {
  at::Tensor codes;   // uint8 ((count + 1) / 2)
  at::Tensor scales;  // fp32 (groups)
  at::Tensor zeros;   // uint8 (groups)
};
// All values 0.
Int4Tensor int4_zeros(int64_t count, int64_t group, const at::TensorOptions& options);
// values: fp32. A group's range is widened to hold 0, so that every zero is a code. Writes into `target`.
void int4_encode(const at::Tensor& values, int64_t group, Int4Tensor& target);
at::Tensor int4_decode(const Int4Tensor& source, int64_t group, at::IntArrayRef sizes);

}  // namespace swift::train
