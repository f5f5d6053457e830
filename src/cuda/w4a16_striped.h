// y = x w^T for up to 64 rows of x and packed 4-bit weights (w4a16.h), at the speed of memory on a whole
// device: work is cut into equal stripes of weight tiles, across the ends of outputs (as Marlin, Frantar et
// al. 2024), and a stripe streams its weights and x through shared memory.
#pragma once
#include "cuda/w4a16.h"

namespace swift::cuda {

constexpr int kStripeOut = 128;  // outputs of a stripe's tile

struct StripedInt4Linear {
  Int4Linear linear;  // rows up to 64
  int stripes;        // blocks; twice the multiprocessors or so, at most ceil(out / 128) * in / 64
  float* partial;     // (2 * stripes, rows, 128) scratch
  int32_t* arrivals;  // (ceil(out / 128)) zeros, and zeros again afterwards
};
// Sums run in fp32 in an order that the weight's shape and `stripes` decide.
void striped_int4_linear(const StripedInt4Linear& a, Stream stream);

}  // namespace swift::cuda
