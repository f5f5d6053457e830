// A weight laid out for serving, so that a product reads it once from end to end: decoding runs at the speed
// of memory from 1 to about 16 rows. Each row of a product depends on its own input row alone, bit for bit,
// whatever the number of rows; and in bf16 the result is that of gemm_nt (gemm.h), with which training
// computes.
#pragma once
#include "ops/quantized_weight.h"

namespace swift::ops {

// w (out, in). bf16 with even sizes on a machine with the panel kernels: panels of 32 outputs for the matrix
// tiles (matrix_tiles.h), or of 128 for panel_product.h, in the layout of panel_pack.h; w's own memory is no
// longer read. Anything else: w itself, multiplied by dot products in a fixed order.
QuantizedPtr pack_weight(const at::Tensor& w);

}  // namespace swift::ops
