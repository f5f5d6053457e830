// A full weight in a GPU's memory behind the interface of quantized ones.
#pragma once
#include "ops/quantized_weight.h"

namespace swift::ops {

// w (out, in) as it lies; one that is not dense is copied. Weights that lie one behind the other in one
// memory and have one input are read in one product (products_together).
QuantizedPtr device_weight(const at::Tensor& w);

}  // namespace swift::ops
