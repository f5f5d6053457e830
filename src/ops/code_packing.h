// Codes between the order of a row and that of code_layout.h.
#pragma once
#include "ops/code_layout.h"
#include "ops/grouped_codes.h"
#include "ops/line_memory.h"

namespace swift::ops {

// A grouped weight's tensors in the order of its layout.
struct LaidOutCodes {
  CodeLayout layout;  // points into the tensors
  at::Tensor codes, scales, zeros;
  at::Tensor order;  // int64 (in): the input that stands at each place, or undefined: as they are
};

// source: as can_lay_out() (code_panels.h) asks for; with fp8 its codes are E4M3, and the last group of a row
// may be shorter. for_int8: in the order for 8-bit activations.
LaidOutCodes lay_out(const GroupedCodes& source, LineMemory& memory, bool for_int8, bool fp8 = false);
// The inputs in the order of their groups; undefined where they are already.
at::Tensor order_of_groups(const GroupedCodes& source);

// Values fp32 (out, in), in the weight's own order.
at::Tensor values_of(const LaidOutCodes& laid_out, int64_t in);

}  // namespace swift::ops
