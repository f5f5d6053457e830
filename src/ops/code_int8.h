// The products of panels of a grouped weight with activations in 8 bits: codes are multiplied and summed
// as whole numbers, exactly, then scaled in fp32 by chunk. All kernels sum the same numbers, so a row's sums
// are the same whichever multiplies it.
#pragma once
#include <c10/util/BFloat16.h>

#include <array>

#include "ops/code_layout.h"

namespace swift::ops {

// True when this machine runs int8_product_vector().
bool has_vector_int8();
// True when this machine runs Int8Tiles.
bool has_int8_tiles();

// Matrix tiles (AMX-INT8); as CodeTiles (code_kernels.h).
class Int8Tiles {
 public:
  Int8Tiles() = default;
  Int8Tiles(const Int8Tiles&) = delete;
  Int8Tiles& operator=(const Int8Tiles&) = delete;
  ~Int8Tiles();

  // first: a multiple of 32; x.tiles.
  void product(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count, PanelRange panels,
               CodeSums sums);

 private:
  int64_t rows_ = 0;  // of the loaded configuration
  alignas(64) std::array<uint8_t, kCodeChunk * kCodePanel> unpacked_;
  alignas(64) std::array<int32_t, 32 * kCodePanel> products_;
};

// AVX-512 VNNI; x.codes.
void int8_product_vector(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                         PanelRange panels, CodeSums sums);
// AVX2; x.codes.
void int8_product_lanes(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                        PanelRange panels, CodeSums sums);

// Inputs of a step of the tiles, in x.tiles and in the product.
int64_t int8_tile_step(const CodeLayout& layout);

// Rounds a row's chunk of activations to 8 bits: the scale is the largest magnitude / 127. Returns the sum of
// the codes.
int32_t round_chunk(const float* x, int64_t count, int8_t* codes, float& scale);
int32_t round_chunk(const c10::BFloat16* x, int64_t count, int8_t* codes, float& scale);

}  // namespace swift::ops
