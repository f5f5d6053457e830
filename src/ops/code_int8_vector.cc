// The product with a grouped weight and 8-bit activations by AVX-512 VNNI, in the two ways of code_rows.h.
#pragma GCC diagnostic push
// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/code_int8.h"
#include "ops/code_int8_scale.h"
#include "ops/code_rows.h"
#include "ops/cpu_level.h"

namespace swift::ops {
namespace {

#define SWIFT_VNNI [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16,avx512vnni")]]

struct ChunkCall {
  const CodeLayout& layout;
  const Int8Input& x;
  int64_t row;  // the first
  int64_t panel, chunk;
  CodeSums sums;  // of the first row and panel

  const int8_t* codes() const { return x.codes + row * layout.inputs + chunk * layout.chunk; }
};

SWIFT_CODES __m512i quad_of(const int8_t* x) {
  int32_t four;
  std::memcpy(&four, x, sizeof four);
  return _mm512_set1_epi32(four);
}

// sum += products of four codes with four activations. GCC 12 copies the sums of the intrinsic to and fro.
SWIFT_CODES void add_dots(__m512i& sum, __m512i codes, __m512i values) {
  asm("vpdpbusd %2, %1, %0" : "+v"(sum) : "v"(codes), "v"(values));
}

// Bytes of a quarter of the inputs of a line: the codes themselves, or half bytes of them.
template <int Bits>
SWIFT_CODES __m512i quad_codes(__m512i line, int quad) {
  if constexpr (Bits == 8) return line;
  const __m512i low = _mm512_set1_epi8(15);
  return quad == 0 ? _mm512_and_si512(line, low) : _mm512_and_si512(_mm512_srli_epi16(line, 4), low);
}
template <int Bits>
constexpr int kQuads = Bits == 4 ? 2 : 1;  // of a line

// Sums of sixteen outputs to their place.
SWIFT_CODES void put_sums(const ChunkCall& call, const Int8Scale& by, int64_t row, int64_t column,
                          __m512i products) {
  const int64_t at = (call.row + row) * call.layout.chunks() + call.chunk;
  add_int8(by, products, call.x.scales[at], call.x.totals[at], call.chunk > 0,
           call.sums.data + row * call.sums.stride + column);
}

template <int Bits, int Rows, int Panels>
SWIFT_VNNI void direct_chunk(const ChunkCall& call) {
  constexpr int kHalves = 2 * Panels;
  const CodeLayout& layout = call.layout;
  const int64_t stride = layout.line_stride(call.panel);
  const int64_t ahead = layout.chunk / layout.line_inputs() * stride;  // the next chunk's line
  const uint8_t* line = layout.chunk_codes(call.panel, call.chunk);
  const int8_t* x = call.codes();
  __m512i sums[Rows][kHalves];
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) {
    SWIFT_UNROLLED
    for (int h = 0; h < kHalves; ++h) sums[r][h] = _mm512_setzero_si512();
  }
  for (int64_t left = layout.chunk; left > 0; left -= 4 * kQuads<Bits>, line += stride) {
    SWIFT_UNROLLED
    for (int quad = 0; quad < kQuads<Bits>; ++quad, x += 4) {
      __m512i values[Rows];
      SWIFT_UNROLLED
      for (int r = 0; r < Rows; ++r) values[r] = quad_of(x + r * layout.inputs);
      SWIFT_UNROLLED
      for (int h = 0; h < kHalves; ++h) {
        const uint8_t* from = line + h * kCodeLine;
        if (Panels < kGroupPanels && quad == 0)
          _mm_prefetch(reinterpret_cast<const char*>(from) + ahead, _MM_HINT_T0);
        const __m512i codes = quad_codes<Bits>(_mm512_load_si512(from), quad);
        SWIFT_UNROLLED
        for (int r = 0; r < Rows; ++r) add_dots(sums[r][h], codes, values[r]);
      }
    }
  }
  SWIFT_UNROLLED
  for (int h = 0; h < kHalves; ++h) {
    const Int8Scale by = int8_scale(layout, layout.scale_index(call.panel + h / 2, call.chunk) + h % 2 * 16);
    SWIFT_UNROLLED
    for (int r = 0; r < Rows; ++r) put_sums(call, by, r, 16 * h, sums[r][h]);
  }
}

// A chunk of one panel, a byte a code: [inputs / 4][kCodePanel][4].
using Unpacked = std::array<uint8_t, kCodeChunk * kCodePanel>;

template <int Bits>
SWIFT_VNNI void unpack_chunk(const CodeLayout& layout, int64_t panel, int64_t chunk, uint8_t* out) {
  const int64_t stride = layout.line_stride(panel);
  const int64_t ahead = layout.chunk / layout.line_inputs() * stride;
  const uint8_t* line = layout.chunk_codes(panel, chunk);
  for (int64_t left = layout.chunk; left > 0; left -= 4 * kQuads<Bits>, line += stride) {
    SWIFT_UNROLLED
    for (int quad = 0; quad < kQuads<Bits>; ++quad, out += 2 * kCodeLine) {
      SWIFT_UNROLLED
      for (int half = 0; half < 2; ++half) {
        const uint8_t* from = line + half * kCodeLine;
        if (quad == 0) _mm_prefetch(reinterpret_cast<const char*>(from) + ahead, _MM_HINT_T0);
        _mm512_store_si512(out + half * kCodeLine, quad_codes<Bits>(_mm512_load_si512(from), quad));
      }
    }
  }
}

template <int Rows>
SWIFT_VNNI void unpacked_rows(const ChunkCall& call, const uint8_t* codes) {
  const CodeLayout& layout = call.layout;
  const int8_t* x = call.codes();
  __m512i sums[Rows][2];
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_si512();
  for (int64_t left = layout.chunk; left > 0; left -= 4, x += 4, codes += 2 * kCodeLine) {
    const __m512i first = _mm512_load_si512(codes), second = _mm512_load_si512(codes + kCodeLine);
    SWIFT_UNROLLED
    for (int r = 0; r < Rows; ++r) {
      const __m512i value = quad_of(x + r * layout.inputs);
      add_dots(sums[r][0], first, value);
      add_dots(sums[r][1], second, value);
    }
  }
  const int64_t scale = layout.scale_index(call.panel, call.chunk);
  const Int8Scale left = int8_scale(layout, scale), right = int8_scale(layout, scale + 16);
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) {
    put_sums(call, left, r, 0, sums[r][0]);
    put_sums(call, right, r, 16, sums[r][1]);
  }
}

using Direct = void (*)(const ChunkCall&);
using OverUnpacked = void (*)(const ChunkCall&, const uint8_t*);

template <int Bits>
constexpr FewRows<Direct> kDirect = {
    {direct_chunk<Bits, 1, 1>, direct_chunk<Bits, 2, 1>, direct_chunk<Bits, 3, 1>, direct_chunk<Bits, 4, 1>,
     direct_chunk<Bits, 5, 1>},
    {direct_chunk<Bits, 1, 2>, direct_chunk<Bits, 2, 2>, direct_chunk<Bits, 3, 2>, direct_chunk<Bits, 4, 2>,
     direct_chunk<Bits, 5, 2>},
    {direct_chunk<Bits, 1, 4>, direct_chunk<Bits, 2, 4>, direct_chunk<Bits, 3, 4>}};
constexpr ManyRows<OverUnpacked> kOverUnpacked = {unpacked_rows<6>, unpacked_rows<7>,  unpacked_rows<8>,
                                                  unpacked_rows<9>, unpacked_rows<10>, unpacked_rows<11>,
                                                  unpacked_rows<12>};

template <int Bits>
void product(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count, PanelRange panels,
             CodeSums sums) {
  const auto call_of = [&](int64_t row, int64_t panel, int64_t chunk) {
    float* to = sums.data + row * sums.stride + (panel - panels.begin) * kCodePanel;
    return ChunkCall{layout, x, first + row, panel, chunk, {to, sums.stride}};
  };
  if (count <= kFewRows) {
    return for_few_rows(layout, count, panels, kDirect<Bits>,
                        [&](Direct run, int64_t panel, int64_t chunk) { run(call_of(0, panel, chunk)); });
  }
  alignas(64) Unpacked codes;
  for_many_rows(
      layout, count, panels, kOverUnpacked,
      [&](int64_t panel, int64_t chunk) { unpack_chunk<Bits>(layout, panel, chunk, codes.data()); },
      [&](OverUnpacked run, int64_t panel, int64_t chunk, int64_t row) {
        run(call_of(row, panel, chunk), codes.data());
      });
}

}  // namespace

bool has_vector_int8() {
  static const bool able = beyond_avx2() && __builtin_cpu_supports("avx512vnni") > 0 &&
                           __builtin_cpu_supports("avx512bf16") > 0 && __builtin_cpu_supports("avx512bw") > 0;
  return able;
}

void int8_product_vector(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                         PanelRange panels, CodeSums sums) {
  (layout.bits() == 4 ? product<4> : product<8>)(layout, x, first, count, panels, sums);
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
