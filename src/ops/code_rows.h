// How the AVX-512 kernels of grouped weights share out rows and panels: few rows read codes from memory,
// with several panels at a time so that their sums hide each other's latency; many rows open a chunk of a
// panel into L1 once.
#pragma once
#include <array>

#include "ops/code_kernels.h"

// Sums stay in registers only when the loops over them are gone early.
#define SWIFT_UNROLLED _Pragma("GCC unroll 16")

namespace swift::ops {

constexpr int64_t kFewRows = 5;
constexpr int64_t kRowsOfFour = 3;  // rows that take four panels at a time
constexpr int64_t kManyRows = 12;   // rows of a block over an opened chunk

// Kernels for one to kFewRows rows over one, two and four panels, by rows - 1.
template <class Kernel>
struct FewRows {
  std::array<Kernel, kFewRows> one, two;
  std::array<Kernel, kRowsOfFour> four;
};
// Kernels for a block of rows over an opened chunk. Blocks of equal height have at least half of the most
// rows: by rows - kManyRows / 2.
template <class Kernel>
using ManyRows = std::array<Kernel, kManyRows - kManyRows / 2 + 1>;

// run(kernel, panel, chunk) for all panels and chunks.
template <class Kernel, class Run>
void for_few_rows(const CodeLayout& layout, int64_t rows, PanelRange panels, const FewRows<Kernel>& kernels,
                  const Run& run) {
  const auto at = static_cast<size_t>(rows - 1);
  for_panel_groups(layout, panels, [&](int64_t begin, int64_t end, int64_t chunk) {
    for (int64_t p = begin; p < end;) {
      const int64_t step = end - p == 4 && rows <= kRowsOfFour ? 4 : end - p >= 2 ? 2 : 1;
      run(step == 4 ? kernels.four[at] : step == 2 ? kernels.two[at] : kernels.one[at], p, chunk);
      p += step;
    }
  });
}

// open(panel, chunk), then run(kernel, panel, chunk, first row) for the blocks of rows, for all panels and
// chunks. rows: more than kFewRows.
template <class Kernel, class Open, class Run>
void for_many_rows(const CodeLayout& layout, int64_t rows, PanelRange panels, const ManyRows<Kernel>& kernels,
                   const Open& open, const Run& run) {
  const int64_t blocks = (rows + kManyRows - 1) / kManyRows;
  for_panel_groups(layout, panels, [&](int64_t begin, int64_t end, int64_t chunk) {
    for (int64_t p = begin; p < end; ++p) {
      open(p, chunk);
      for (int64_t b = 0; b < blocks; ++b) {
        const int64_t row = b * rows / blocks, height = (b + 1) * rows / blocks - row;
        run(kernels[static_cast<size_t>(height - kManyRows / 2)], p, chunk, row);
      }
    }
  });
}

}  // namespace swift::ops
