// Weights rounded to 8 bits when they are loaded.
#pragma once
#include "ops/grouped_codes.h"
#include "ops/int8_weight.h"

namespace swift::ops {

// The weight (out, in) rounded to 8 bits, in groups of 128 inputs where that divides, else by row: scale =
// the largest magnitude / 127, rounded to fp16, and no zero point.
GroupedCodes int8_codes(const at::Tensor& weight);

// The same numbers as the weight's; whether its groups lie within rows.
GroupedCodes grouped(const Int8Weight& weight);
bool has_row_groups(const Int8Weight& weight);

}  // namespace swift::ops
