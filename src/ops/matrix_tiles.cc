#include "ops/matrix_tiles.h"

// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <cpuid.h>
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/cpu_level.h"

namespace swift::ops {
namespace {

constexpr int64_t kLineBytes = 64;
constexpr int64_t kTileColumns = 16;  // words of a tile's row
constexpr size_t kTiles = 8;

// The operand of LDTILECFG (Intel SDM, palette 1).
struct alignas(64) TileConfig {
  uint8_t palette = 1;
  uint8_t start_row = 0;
  std::array<uint8_t, 14> reserved{};
  std::array<uint16_t, 16> row_bytes{};
  std::array<uint8_t, 16> rows{};
};

bool processor_has_tiles() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kBf16 = 1U << 22U, kTile = 1U << 24U;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  return (d & kBf16) != 0 && (d & kTile) != 0;
}

// Linux hands out the 8 KiB of tile state to processes that ask for it.
bool system_lets_us() {
  constexpr long kRequest = 0x1023, kTileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  return ::syscall(SYS_arch_prctl, kRequest, kTileData) == 0;
}

// What one walk along the reduction computes: 16 or 32 rows times 16 or 32 columns.
struct Walk {
  const uint16_t* upper;  // the first block of rows
  const uint16_t* lower;  // the second
  int64_t left_bytes;     // from one row to the next
  int64_t upper_step;     // elements from one tile of the reduction to the next
  int64_t lower_step;
  const uint32_t* right;
  int64_t right_bytes;  // from one pair to the next
  int64_t steps;
  float* result;
  int64_t result_bytes;
  const char* next;  // `lines` lines are fetched on the way
  int64_t lines;
  bool add;
};

#define SWIFT_TILES [[gnu::target("amx-tile,amx-bf16")]]

// Tiles 0 to 3 are results (0 and 1 of the upper rows), 4 and 5 rows, 6 and 7 columns.
template <bool Lower, bool Wide>
SWIFT_TILES void walk(const Walk& w) {
  constexpr int64_t kWords = kTileColumns;
  float* below = w.result + kTileHeight * (w.result_bytes / 4);
  if (w.add) {
    _tile_loadd(0, w.result, w.result_bytes);
    if (Wide) _tile_loadd(1, w.result + kWords, w.result_bytes);
    if (Lower) _tile_loadd(2, below, w.result_bytes);
    if (Lower && Wide) _tile_loadd(3, below + kWords, w.result_bytes);
  } else {
    _tile_zero(0);
    if (Wide) _tile_zero(1);
    if (Lower) _tile_zero(2);
    if (Lower && Wide) _tile_zero(3);
  }
  const uint16_t *upper = w.upper, *lower = w.lower;
  const uint32_t* right = w.right;
  const int64_t right_step = kTileDepth / 2 * (w.right_bytes / 4);
  int64_t line = 0;
  for (int64_t step = 1; step <= w.steps; ++step) {
    _tile_loadd(4, upper, w.left_bytes);
    _tile_loadd(6, right, w.right_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if (Wide) {
      _tile_loadd(7, right + kWords, w.right_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (Lower) {
      _tile_loadd(5, lower, w.left_bytes);
      _tile_dpbf16ps(2, 5, 6);
      if (Wide) _tile_dpbf16ps(3, 5, 7);
    }
    upper += w.upper_step;
    lower += w.lower_step;
    right += right_step;
    for (const int64_t end = w.lines * step / w.steps; line < end; ++line)
      _mm_prefetch(w.next + line * kLineBytes, _MM_HINT_T1);
  }
  _tile_stored(0, w.result, w.result_bytes);
  if (Wide) _tile_stored(1, w.result + kWords, w.result_bytes);
  if (Lower) _tile_stored(2, below, w.result_bytes);
  if (Lower && Wide) _tile_stored(3, below + kWords, w.result_bytes);
}

SWIFT_TILES void load_configuration(const TileConfig& config) {
  // GCC's intrinsic says that it reads eight bytes; the processor reads all of it.
  asm volatile("" : : "m"(config) : "memory");
  _tile_loadconfig(&config);
}

}  // namespace

bool has_matrix_tiles() {
  static const bool able = beyond_avx2() && processor_has_tiles() && system_lets_us();
  return able;
}

SWIFT_TILES void release_tiles() {
  _tile_release();
}

#undef SWIFT_TILES

void configure_tiles(int64_t rows, int64_t left_bytes) {
  const auto upper = static_cast<uint8_t>(std::min(rows, kTileHeight));
  const auto lower = static_cast<uint8_t>(rows > kTileHeight ? rows - kTileHeight : upper);
  TileConfig config;
  for (size_t tile = 0; tile < kTiles; ++tile) config.row_bytes[tile] = kLineBytes;
  for (const size_t tile : {4, 5}) config.row_bytes[tile] = static_cast<uint16_t>(left_bytes);
  for (const size_t tile : {0, 1, 4}) config.rows[tile] = upper;
  for (const size_t tile : {2, 3, 5}) config.rows[tile] = lower;
  for (const size_t tile : {6, 7}) config.rows[tile] = static_cast<uint8_t>(left_bytes / 4);
  load_configuration(config);
}

MatrixTiles::~MatrixTiles() {
  if (rows_ > 0) release_tiles();
}

void MatrixTiles::configure(int64_t rows) {
  if (rows == rows_) return;
  rows_ = rows;
  configure_tiles(rows, kLineBytes);
}

void MatrixTiles::product(const Left& left, const Right& right, int64_t depth, float* result,
                          int64_t result_stride, bool add, const void* next, int64_t lines) {
  constexpr int64_t kBoth = 2 * kTileHeight, kWide = 2 * kTileColumns;
  const bool packed = left.stride == kTileDepth && depth > kTileDepth;  // pack_left's form
  const int64_t walks = (left.rows + kBoth - 1) / kBoth * ((right.columns + kWide - 1) / kWide);
  int64_t fetched = 0, done = 0;
  for (int64_t row = 0; row < left.rows; row += kBoth) {
    const int64_t rows = std::min(kBoth, left.rows - row), upper = std::min(rows, kTileHeight);
    configure(rows);
    Walk w{};
    w.upper = left.data + row * (packed ? depth : left.stride);
    w.lower = w.upper + upper * (packed ? depth : left.stride);
    w.left_bytes = left.stride * 2;
    w.upper_step = packed ? upper * kTileDepth : kTileDepth;
    w.lower_step = packed ? (rows - upper) * kTileDepth : kTileDepth;
    w.right_bytes = right.stride * 4;
    w.steps = depth / kTileDepth;
    w.result_bytes = result_stride * 4;
    w.add = add;
    for (int64_t column = 0; column < right.columns; column += kWide) {
      const int64_t until = lines * ++done / walks;
      w.next = static_cast<const char*>(next) + fetched * kLineBytes;
      w.lines = until - fetched;
      fetched = until;
      w.right = right.words + column;
      w.result = result + row * result_stride + column;
      const bool wide = right.columns - column >= kWide;
      if (rows > kTileHeight) {
        wide ? walk<true, true>(w) : walk<true, false>(w);
      } else {
        wide ? walk<false, true>(w) : walk<false, false>(w);
      }
    }
  }
}

void pack_left(const uint16_t* rows, int64_t count, int64_t depth, uint16_t* packed) {
  for (int64_t first = 0; first < count; first += kTileHeight) {
    const int64_t height = std::min(kTileHeight, count - first);
    for (int64_t at = 0; at < depth; at += kTileDepth) {
      for (int64_t r = 0; r < height; ++r, packed += kTileDepth)
        std::memcpy(packed, rows + (first + r) * depth + at, kTileDepth * sizeof(uint16_t));
    }
  }
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
