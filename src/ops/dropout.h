// Dropout whose mask is a function of a key.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

// x with elements zeroed with probability p and the rest scaled by 1 / (1 - p). Whether an element stays is a
// pure function of the key and the element's index, so a backward pass draws the same mask again.
at::Tensor keyed_dropout(const at::Tensor& x, double p, uint64_t key);

}  // namespace swift::ops
