#include "ops/attention_tiles.h"

#include <algorithm>
#include <cmath>

#include "ops/lanes.h"
#include "ops/panel_product.h"

namespace swift::ops {

using c10::BFloat16;

namespace {

float largest_score(const float* scores, int64_t row, int64_t position, int64_t blocks) {
  Floats most = splat(-INFINITY);
  for (int64_t j = 0; j < blocks; ++j) {
    const float* in = scores + j * kTileArea + row * kTileColumns;
    for_lanes(0, visible_columns(position, j), [&](int64_t i, int64_t n) {
      const Floats value = load(in + i, n);
      most = largest(n == kLanes ? value : splat(*std::max_element(in + i, in + i + n)), most);
    });
  }
  float top = most[0];
  for (int64_t lane = 1; lane < kLanes; ++lane) top = std::max(top, most[lane]);
  return top;
}

// Writes exp(scale · (score - top)) of one row; returns their sum.
float exponentials(const float* scores, int64_t row, int64_t position, int64_t blocks, float top, float scale,
                   BFloat16* p) {
  float total = 0;
  for (int64_t j = 0; j < blocks; ++j) {
    const float* in = scores + j * kTileArea + row * kTileColumns;
    BFloat16* out = p + j * kTileArea + row * kTileColumns;
    const int64_t seen = visible_columns(position, j);
    Floats part = {};
    for_lanes(0, seen, [&](int64_t i, int64_t n) {
      const Floats e = exp_lanes((load(in + i, n) - top) * scale);
      store(out + i, e, n);
      if (n == kLanes) part += e;
      for (int64_t lane = 0; n < kLanes && lane < n; ++lane) total += e[lane];
    });
    // Nothing is added for a block that is not seen, so a row's sum does not depend on its block's other
    // rows.
    if (seen > 0) total += sum(part);
    std::fill(out + seen, out + kTileColumns, BFloat16(0.0F));
  }
  return total;
}

}  // namespace

TileProducts::~TileProducts() {
  if (!tiles_) release_panel_products();
}

void TileProducts::operator()(const BFloat16* a, const uint32_t* packed, float* c, int64_t m, int64_t n,
                              int64_t depth, bool add, const uint32_t* next) {
  constexpr int64_t kLineWords = 16;
  if (!tiles_) {
    panel_product({m, n, depth, a, depth, packed, n, c, n, add});
    constexpr int64_t kFirstLines = 32;  // the rest follows from these
    for (int64_t line = 0; next != nullptr && line < kFirstLines; ++line)
      __builtin_prefetch(next + line * kLineWords);
    return;
  }
  tiles_->product({reinterpret_cast<const uint16_t*>(a), depth, m}, {packed, n, n}, depth, c, n, add, next,
                  next == nullptr ? 0 : depth / 2 * n / kLineWords);
}

int64_t visible_columns(int64_t position, int64_t block) {
  return std::clamp<int64_t>(position + 1 - block * kTileColumns, 0, kTileColumns);
}

void soften(const float* scores, const int64_t* positions, int64_t rows, int64_t blocks, float scale,
            BFloat16* p, float* tops, float* sums, int64_t all_rows) {
  for (int64_t r = 0; r < rows; ++r) {
    const float top = largest_score(scores, r, positions[r], blocks);
    sums[r] = exponentials(scores, r, positions[r], blocks, top, scale, p);
    tops[r] = top * scale;
  }
  for (int64_t j = 0; j < blocks; ++j)
    std::fill(p + j * kTileArea + rows * kTileColumns, p + j * kTileArea + all_rows * kTileColumns,
              BFloat16(0.0F));
}

}  // namespace swift::ops
