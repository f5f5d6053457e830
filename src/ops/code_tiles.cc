// The product with a grouped weight on the matrix tiles. The codes of a chunk become whole numbers in bf16,
// which holds them exactly; their products with the activations are summed in a tile, and the scale is
// applied to those sums in fp32.
#pragma GCC diagnostic push
// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>

#include "ops/code_expand.h"
#include "ops/code_kernels.h"
#include "ops/matrix_tiles.h"

namespace swift::ops {
namespace {

#define SWIFT_TILES [[gnu::target("amx-tile,amx-bf16,avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]]

constexpr int64_t kBlockRows = 2 * kTileHeight;
constexpr int64_t kTileWords = 16 * kTileDepth;  // bf16 of a full tile

// One block of rows times one chunk.
struct ChunkWalk {
  const uint16_t* upper;  // tiles of the rows, in the form of pack_left
  const uint16_t* lower;
  int64_t upper_step, lower_step;  // elements from one tile to the next
  const uint16_t* right;           // (steps, 2) tiles
  int64_t steps;
  float* products;  // (rows, kCodePanel)
  // Lines that are expanded on the way, or null, and their stride.
  const uint8_t* next;
  int64_t next_stride;
  uint16_t* next_right;
};

// Lines of a step of 32 inputs to two tiles. The same lines of the next chunk are fetched.
template <CodeForm Form>
SWIFT_TILES void expand_step(const uint8_t* line, int64_t stride, int64_t ahead, __m512i table,
                             uint16_t* right) {
  constexpr int64_t kLines = kCodeStep / 2 / kLinePairs<Form>;
  for (int64_t l = 0; l < kLines; ++l, line += stride) {
    for (int64_t half = 0; half < 2; ++half) {
      const uint8_t* from = line + half * kCodeLine;
      _mm_prefetch(reinterpret_cast<const char*>(from) + ahead, _MM_HINT_T0);
      uint16_t* tile = right + half * kTileWords + l * kLinePairs<Form> * kTileDepth;
#pragma GCC unroll 4
      for (int pair = 0; pair < kLinePairs<Form>; ++pair)
        _mm512_store_si512(tile + pair * kTileDepth, expand_pair<Form>(from, pair, table));
    }
  }
}

// Tiles 0 to 3 are results (0 and 1 of the upper rows), 4 and 5 rows, 6 and 7 columns.
template <CodeForm Form, bool Lower>
SWIFT_TILES void walk(const ChunkWalk& w) {
  constexpr int64_t kLines = kCodeStep / 2 / kLinePairs<Form>;
  const __m512i table = code_table<Form>();
  _tile_zero(0);
  _tile_zero(1);
  if (Lower) _tile_zero(2);
  if (Lower) _tile_zero(3);
  const uint16_t *upper = w.upper, *lower = w.lower, *right = w.right;
  for (int64_t step = 0; step < w.steps; ++step) {
    _tile_loadd(4, upper, 64);
    _tile_loadd(6, right, 64);
    _tile_dpbf16ps(0, 4, 6);
    _tile_loadd(7, right + kTileWords, 64);
    _tile_dpbf16ps(1, 4, 7);
    if (Lower) {
      _tile_loadd(5, lower, 64);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    if (w.next != nullptr)
      expand_step<Form>(w.next + step * kLines * w.next_stride, w.next_stride,
                        w.steps * kLines * w.next_stride, table, w.next_right + 2 * step * kTileWords);
    upper += w.upper_step;
    lower += w.lower_step;
    right += 2 * kTileWords;
  }
  constexpr int64_t kRowBytes = kCodePanel * 4;
  _tile_stored(0, w.products, kRowBytes);
  _tile_stored(1, w.products + 16, kRowBytes);
  if (Lower) _tile_stored(2, w.products + kTileHeight * kCodePanel, kRowBytes);
  if (Lower) _tile_stored(3, w.products + kTileHeight * kCodePanel + 16, kRowBytes);
}

// sums (+)= scale * (products - zero * totals).
SWIFT_TILES void add_scaled(const CodeLayout& layout, int64_t scale, const float* products, int64_t rows,
                            const float* totals, int64_t totals_stride, bool add, CodeSums sums) {
  const ChunkScale left = chunk_scale(layout, scale), right = chunk_scale(layout, scale + 16);
  for (int64_t r = 0; r < rows; ++r) {
    float* to = sums.data + r * sums.stride;
    __m512 a = add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
    __m512 b = add ? _mm512_loadu_ps(to + 16) : _mm512_setzero_ps();
    a = _mm512_fmadd_ps(left.scale, _mm512_load_ps(products + r * kCodePanel), a);
    b = _mm512_fmadd_ps(right.scale, _mm512_load_ps(products + r * kCodePanel + 16), b);
    if (totals != nullptr) {
      const __m512 total = _mm512_set1_ps(totals[r * totals_stride]);
      a = _mm512_fnmadd_ps(left.zero, total, a);
      b = _mm512_fnmadd_ps(right.zero, total, b);
    }
    _mm512_storeu_ps(to, a);
    _mm512_storeu_ps(to + 16, b);
  }
}

template <CodeForm Form>
SWIFT_TILES void expand_chunk(const CodeLayout& layout, int64_t panel, int64_t chunk, uint16_t* right) {
  constexpr int64_t kLines = kCodeStep / 2 / kLinePairs<Form>;
  const __m512i table = code_table<Form>();
  const int64_t stride = layout.line_stride(panel), steps = layout.chunk / kCodeStep;
  for (int64_t step = 0; step < steps; ++step)
    expand_step<Form>(layout.chunk_codes(panel, chunk) + step * kLines * stride, stride,
                      steps * kLines * stride, table, right + 2 * step * kTileWords);
}

// The chunk of a panel that is multiplied after another.
struct Place {
  int64_t panel, chunk;
};
Place after(const CodeLayout& layout, PanelRange panels, Place here) {
  const int64_t begin = std::max(panels.begin, here.panel - here.panel % kGroupPanels);
  const int64_t end = std::min(panels.end, here.panel - here.panel % kGroupPanels + kGroupPanels);
  if (here.panel + 1 < end) return {here.panel + 1, here.chunk};
  return here.chunk + 1 < layout.chunks() ? Place{begin, here.chunk + 1} : Place{end, 0};
}

}  // namespace

CodeTiles::~CodeTiles() {
  if (rows_ > 0) release_tiles();
}

void CodeTiles::configure(int64_t rows) {
  if (rows == rows_) return;
  rows_ = rows;
  configure_tiles(rows, 64);
}

void CodeTiles::product(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                        PanelRange panels, CodeSums sums) {
  const int64_t chunks = layout.chunks(), steps = layout.chunk / kCodeStep;
  uint16_t *now = expanded_.data(), *later = now + kCodeChunk * kCodePanel;
  by_form(layout.form, [&]<CodeForm Form>() {
    expand_chunk<Form>(layout, panels.begin, 0, now);
    for (Place here{panels.begin, 0}; here.panel < panels.end; std::swap(now, later)) {
      const Place next = after(layout, panels, here);
      for (int64_t row = first; row < first + count; row += kBlockRows) {
        const int64_t rows = std::min(kBlockRows, first + count - row), upper = std::min(rows, kTileHeight);
        configure(rows);
        ChunkWalk w{};
        w.upper_step = upper * kTileDepth;
        w.lower_step = (rows - upper) * kTileDepth;
        w.upper = x.bf16 + row * layout.inputs + here.chunk * steps * w.upper_step;
        w.lower = x.bf16 + (row + upper) * layout.inputs + here.chunk * steps * w.lower_step;
        w.right = now;
        w.steps = steps;
        w.products = products_.data();
        if (next.panel < panels.end && row == first) {
          w.next = layout.chunk_codes(next.panel, next.chunk);
          w.next_stride = layout.line_stride(next.panel);
          w.next_right = later;
        }
        rows > kTileHeight ? walk<Form, true>(w) : walk<Form, false>(w);
        const float* totals = x.totals != nullptr ? x.totals + row * chunks + here.chunk : nullptr;
        float* to = sums.data + (row - first) * sums.stride + (here.panel - panels.begin) * kCodePanel;
        add_scaled(layout, layout.scale_index(here.panel, here.chunk), products_.data(), rows, totals, chunks,
                   here.chunk > 0, {to, sums.stride});
      }
      here = next;
    }
  });
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
