// The products of one panel of a grouped weight: sums (rows, 32) = x · W^T for rows [first, first + count) of
// the input, one kernel for each kind of processor. A row's sums depend on its own activations alone, bit for
// bit.
#pragma once
#include <array>

#include "ops/code_layout.h"

namespace swift::ops {

// Matrix tiles (AMX). The tiles of the calling thread, from construction to destruction; nothing else that
// uses tiles may run in between. While a chunk is multiplied, the codes of the next one become bf16.
class CodeTiles {
 public:
  CodeTiles() = default;
  CodeTiles(const CodeTiles&) = delete;
  CodeTiles& operator=(const CodeTiles&) = delete;
  ~CodeTiles();

  // first: a multiple of 32. last_panel: one past the last that this thread reads.
  void product(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count, int64_t panel,
               int64_t last_panel, CodeSums sums);

 private:
  void configure(int64_t rows);

  int64_t rows_ = 0;    // of the loaded configuration
  int64_t ready_ = -1;  // the chunk, counted through all panels, that buffer `ready_ % 2` holds
  alignas(64) std::array<uint16_t, 2 * kCodeChunk * kCodePanel> expanded_;
  alignas(64) std::array<float, 32 * kCodePanel> products_;
};

// AVX-512 BF16 dot products; x.bf16 row by row.
void code_product_vector(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                         int64_t panel, CodeSums sums);
// AVX2; x.fp32.
void code_product_lanes(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                        int64_t panel, CodeSums sums);

}  // namespace swift::ops
