// The micro-kernel under every product with packed panels (panel_pack.h): oneDNN's brgemm where the processor
// has matrix tiles, else AVX-512 BF16 dot products.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>

namespace swift::ops {

// One call: c (rows, columns) (+)= a (rows, depth) · packed (depth / 2 pairs, columns), sums in fp32. Strides
// in elements from one row (pair) to the next; depth is even. An element of the result is a sum along the
// depth in an order of its own, so each row depends on its row of `a` alone, bit for bit.
struct PanelProduct {
  int64_t rows, columns, depth;
  const c10::BFloat16* a;
  int64_t a_stride;
  const uint32_t* packed;
  int64_t packed_stride;
  float* c;
  int64_t c_stride;
  bool add;
};
void panel_product(const PanelProduct& call);

// To be called by a thread behind its last panel_product(): gives the matrix tiles back.
void release_panel_products();

}  // namespace swift::ops
