// The products of panels of a grouped weight: sums (rows, panels * 32) = x · W^T for rows [first, first +
// count) of the input, one kernel for each kind of processor. A row's sums depend on its own activations
// alone, bit for bit.
#pragma once
#include <array>

#include "ops/code_layout.h"

namespace swift::ops {

// Calls f(first panel, one past the last, chunk) in the order in which codes lie: panels side by side.
template <class F>
void for_panel_groups(const CodeLayout& layout, PanelRange panels, const F& f) {
  for (int64_t begin = panels.begin; begin < panels.end;) {
    const int64_t end = std::min(panels.end, begin + kGroupPanels - begin % kGroupPanels);
    for (int64_t c = 0; c < layout.chunks(); ++c) f(begin, end, c);
    begin = end;
  }
}

// Matrix tiles (AMX). The tiles of the calling thread, from construction to destruction; nothing else that
// uses tiles may run in between. While a chunk is multiplied, the codes of the next one become bf16.
class CodeTiles {
 public:
  CodeTiles() = default;
  CodeTiles(const CodeTiles&) = delete;
  CodeTiles& operator=(const CodeTiles&) = delete;
  ~CodeTiles();

  // first: a multiple of 32.
  void product(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count, PanelRange panels,
               CodeSums sums);

 private:
  void configure(int64_t rows);

  int64_t rows_ = 0;  // of the loaded configuration
  alignas(64) std::array<uint16_t, 2 * kCodeChunk * kCodePanel> expanded_;
  alignas(64) std::array<float, 32 * kCodePanel> products_;
};

// AVX-512 BF16 dot products; x.bf16 row by row.
void code_product_vector(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                         PanelRange panels, CodeSums sums);
// AVX2; x.fp32.
void code_product_lanes(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                        PanelRange panels, CodeSums sums);

}  // namespace swift::ops
