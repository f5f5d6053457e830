// Q-GaLore's two stores of numbers: INT4 projections and INT8 weights, a scale for each group of consecutive
// values (arXiv 2407.08296).
#pragma once
#include "base/rng.h"
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

// value = scale * code, codes -127 to 127: symmetric, so that the range of a group needs no zero point to be
// rounded, and its largest value is exact.
struct Int8Tensor {
  at::Tensor codes;   // int8, sizes of the weight
  at::Tensor scales;  // fp32 (groups)
};
Int8Tensor int8_zeros(at::IntArrayRef sizes, int64_t group, const at::TensorOptions& options);
// noise null: to the nearest code. Else stochastic rounding: up with the probability of the fraction, which
// is right on average; element i is rounded by position i of the stream.
void int8_encode(const at::Tensor& values, int64_t group, const base::Stream* noise, Int8Tensor& target);
at::Tensor int8_decode(const Int8Tensor& source, int64_t group);

}  // namespace swift::train
