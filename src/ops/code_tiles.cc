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
constexpr int64_t kAheadBytes = 6144;            // codes are fetched this far before they are expanded

// One block of rows times one chunk.
struct ChunkWalk {
  const uint16_t* upper;  // tiles of the rows, in the form of pack_left
  const uint16_t* lower;
  int64_t upper_step, lower_step;  // elements from one tile to the next
  const uint16_t* right;           // (steps, 2) tiles
  int64_t steps;
  float* products;  // (rows, kCodePanel)
  // Codes that are expanded on the way, or null.
  const uint8_t* next;
  uint16_t* next_right;
};

template <int Bits>
SWIFT_TILES void expand_block(const uint8_t* block, __m512i table, uint16_t* tile) {
  for (int part = 0; part < 4; ++part) {
    __m512i rows[4];
    expand_rows<Bits>(block, part, table, rows);
    for (int r = 0; r < 4; ++r) _mm512_store_si512(tile + 32 * (4 * part + r), rows[r]);
  }
}

template <int Bits>
SWIFT_TILES void expand_step(const uint8_t* codes, int64_t step, __m512i table, uint16_t* right) {
  constexpr int64_t kBlockBytes = kCodeStep * 16 * Bits / 8;
  const uint8_t* block = codes + 2 * step * kBlockBytes;
  for (int64_t line = 0; line < 2 * kBlockBytes; line += 64)
    _mm_prefetch(reinterpret_cast<const char*>(block) + kAheadBytes + line, _MM_HINT_T0);
  expand_block<Bits>(block, table, right + 2 * step * kTileWords);
  expand_block<Bits>(block + kBlockBytes, table, right + (2 * step + 1) * kTileWords);
}

// Tiles 0 to 3 are results (0 and 1 of the upper rows), 4 and 5 rows, 6 and 7 columns.
template <int Bits, bool Lower>
SWIFT_TILES void walk(const ChunkWalk& w) {
  const __m512i table = bf16_of_codes();
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
    if (w.next != nullptr) expand_step<Bits>(w.next, step, table, w.next_right);
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

template <int Bits>
SWIFT_TILES void expand_chunk(const uint8_t* codes, int64_t steps, uint16_t* right) {
  const __m512i table = bf16_of_codes();
  for (int64_t step = 0; step < steps; ++step) expand_step<Bits>(codes, step, table, right);
}

template <int Bits>
void walk_rows(const ChunkWalk& w, int64_t rows) {
  rows > kTileHeight ? walk<Bits, true>(w) : walk<Bits, false>(w);
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
                        int64_t panel, int64_t last_panel, CodeSums sums) {
  const bool narrow = layout.bits == 4;
  const int64_t chunks = layout.chunks(), steps = layout.chunk / kCodeStep;
  const auto buffer = [&](int64_t index) { return expanded_.data() + index % 2 * kCodeChunk * kCodePanel; };
  for (int64_t c = 0; c < chunks; ++c) {
    const int64_t index = panel * chunks + c;
    const uint8_t* codes = layout.chunk_codes(panel, c);
    if (ready_ != index) (narrow ? expand_chunk<4> : expand_chunk<8>)(codes, steps, buffer(index));
    const bool more = index + 1 < last_panel * chunks;
    for (int64_t row = first; row < first + count; row += kBlockRows) {
      const int64_t rows = std::min(kBlockRows, first + count - row), upper = std::min(rows, kTileHeight);
      configure(rows);
      ChunkWalk w{};
      w.upper_step = upper * kTileDepth;
      w.lower_step = (rows - upper) * kTileDepth;
      w.upper = x.bf16 + row * layout.inputs + c * steps * w.upper_step;
      w.lower = x.bf16 + (row + upper) * layout.inputs + c * steps * w.lower_step;
      w.right = buffer(index);
      w.steps = steps;
      w.products = products_.data();
      if (more && row == first) w.next = codes + layout.chunk_bytes(), w.next_right = buffer(index + 1);
      (narrow ? walk_rows<4> : walk_rows<8>)(w, rows);
      const float* totals = x.totals != nullptr ? x.totals + row * chunks + c : nullptr;
      add_scaled(layout, layout.scale_index(panel, c), products_.data(), rows, totals, chunks, c > 0,
                 {sums.data + (row - first) * sums.stride, sums.stride});
    }
    ready_ = index + 1;
  }
  if (panel + 1 >= last_panel) ready_ = -1;
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
