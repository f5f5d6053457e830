// ldmatrix and mma.sync with the lane layouts of the PTX ISA (section "Matrix fragments"). Sums are fp32 in
// the order of k; the device adds groups of products with its own rounding, so tests allow for a last bit.
#pragma once
#include <cstdint>

#include "cuda_host/layer/grid.h"
#include "cuda_host/layer/numbers.h"

namespace swift::cuda_host {

// `matrices` (1, 2, 4) 8 x 8 matrices of 16-bit values; lane l gives the address of row l of them all.
// Lane l gets of each the values (l / 4, 2 (l % 4)) and the next; transposed, (2 (l % 4), l / 4) and the one
// below.
void load_matrices(uint32_t* registers, unsigned matrices, bool transposed, const void* row,
                   const Place& place);

// d (16 x 8) += a (16 x 16) b (16 x 8)
void multiply_m16n8k16(float* d, const uint32_t* a, const uint32_t* b, MatrixType type, const Place& place);
// d (16 x 8) += a (16 x 32) b (32 x 8), signed bytes
void multiply_m16n8k32(int32_t* d, const uint32_t* a, const uint32_t* b, const Place& place);

}  // namespace swift::cuda_host
