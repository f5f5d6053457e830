#include "ops/panel_product.h"

// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <ATen/native/CPUBlas.h>
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace swift::ops {
namespace {

// Sums stay in registers only when the loops over them are gone early.
#define SWIFT_UNROLLED _Pragma("GCC unroll 8")
#define SWIFT_VECTOR [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]]

constexpr int64_t kFewRows = 3;   // rows that take wide blocks, so that enough sums are in flight
constexpr int64_t kManyRows = 6;  // rows of a block of four registers
constexpr int64_t kFewWide = 8;   // registers of sums a row
constexpr int64_t kManyWide = 4;
constexpr int64_t kLane = 16;           // columns of a register
constexpr int64_t kDepthInCache = 128;  // of a part of four registers of columns that stays in L1
constexpr int64_t kPairsAhead = 8;      // weights are fetched this far before the first rows read them

bool has_tiles() {
  static const bool able = at::native::cpublas::could_pack(at::kBFloat16);
  return able;
}

// Part of a call: rows from `row`, columns from `column`, `pairs` of the depth from `pair`.
struct Part {
  int64_t row, column, pair, pairs;
  __mmask16 last;  // columns of the last register
  bool first;      // of the rows that read these weights
};

// `Rows` rows of the result, `Wide` registers of columns.
template <int Rows, int Wide>
SWIFT_VECTOR void block(const PanelProduct& call, const Part& part) {
  __m512 sums[Rows][Wide];
  float* to = call.c + part.row * call.c_stride + part.column;
  const bool add = call.add || part.pair > 0;
  __mmask16 masks[Wide];
  SWIFT_UNROLLED
  for (int w = 0; w < Wide; ++w) masks[w] = w + 1 < Wide ? __mmask16{0xFFFF} : part.last;
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) {
    SWIFT_UNROLLED
    for (int w = 0; w < Wide; ++w)
      sums[r][w] =
          add ? _mm512_maskz_loadu_ps(masks[w], to + r * call.c_stride + w * kLane) : _mm512_setzero_ps();
  }
  const uint32_t* words = call.packed + part.pair * call.packed_stride + part.column;
  const c10::BFloat16* in = call.a + part.row * call.a_stride + 2 * part.pair;
  for (int64_t pair = 0; pair < part.pairs; ++pair, words += call.packed_stride, in += 2) {
    if (part.first) {
      SWIFT_UNROLLED
      for (int w = 0; w < Wide; ++w)
        _mm_prefetch(reinterpret_cast<const char*>(words + kPairsAhead * call.packed_stride + w * kLane),
                     _MM_HINT_T0);
    }
    __m512i weights[Wide];
    SWIFT_UNROLLED
    for (int w = 0; w < Wide; ++w) weights[w] = _mm512_maskz_loadu_epi32(masks[w], words + w * kLane);
    SWIFT_UNROLLED
    for (int r = 0; r < Rows; ++r) {
      int32_t both;
      std::memcpy(&both, in + r * call.a_stride, sizeof both);
      const __m512i value = _mm512_set1_epi32(both);
      SWIFT_UNROLLED
      for (int w = 0; w < Wide; ++w)
        sums[r][w] = _mm512_dpbf16_ps(sums[r][w], (__m512bh)weights[w], (__m512bh)value);
    }
  }
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) {
    SWIFT_UNROLLED
    for (int w = 0; w < Wide; ++w)
      _mm512_mask_storeu_ps(to + r * call.c_stride + w * kLane, masks[w], sums[r][w]);
  }
}

using Block = void (*)(const PanelProduct&, const Part&);

template <int Rows>
constexpr std::array<Block, kManyWide> kBlocks = {block<Rows, 1>, block<Rows, 2>, block<Rows, 3>,
                                                  block<Rows, 4>};
// By rows - 1, then by registers - 1.
constexpr std::array<std::array<Block, kManyWide>, kManyRows> kByRows = {kBlocks<1>, kBlocks<2>, kBlocks<3>,
                                                                         kBlocks<4>, kBlocks<5>, kBlocks<6>};
constexpr std::array<Block, kFewRows> kWideBlocks = {block<1, kFewWide>, block<2, kFewWide>,
                                                     block<3, kFewWide>};

// All rows of some columns: in blocks of equal height, for a last one of few rows would wait for its own
// sums; many rows take the depth in parts, so that the weights of a part are read from L1 by all but the
// first.
void multiply_columns(const PanelProduct& call, int64_t column, int64_t registers, __mmask16 last) {
  const int64_t blocks = (call.rows + kManyRows - 1) / kManyRows, all = call.depth / 2;
  const int64_t step = blocks > 1 ? kDepthInCache / 2 : std::max<int64_t>(all, 1);
  for (int64_t pair = 0; pair < std::max<int64_t>(all, 1); pair += step) {
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t row = b * call.rows / blocks, rows = (b + 1) * call.rows / blocks - row;
      const auto at = static_cast<size_t>(rows - 1);
      const Block run =
          registers > kManyWide ? kWideBlocks[at] : kByRows[at][static_cast<size_t>(registers - 1)];
      run(call, {row, column, pair, std::min(step, all - pair), last, b == 0});
    }
  }
}

}  // namespace

void panel_product(const PanelProduct& call) {
  if (has_tiles()) {
    at::native::cpublas::brgemm(call.rows, call.columns, call.depth, call.a_stride, call.packed_stride,
                                call.c_stride, call.add, call.a,
                                reinterpret_cast<const c10::BFloat16*>(call.packed), call.c, true);
    return;
  }
  for (int64_t column = 0; column < call.columns;) {
    const int64_t left = call.columns - column, lanes = (left + kLane - 1) / kLane;
    const bool wide = call.rows <= kFewRows && lanes >= kFewWide;
    const int64_t taken = wide ? kFewWide : std::min(lanes, kManyWide);
    const int64_t tail = std::min(left - (taken - 1) * kLane, kLane);
    multiply_columns(call, column, taken, static_cast<__mmask16>((1U << tail) - 1));
    column += taken * kLane;
  }
}

void release_panel_products() {
  if (has_tiles()) at::native::cpublas::brgemm_release();
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
