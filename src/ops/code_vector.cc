// The product with a grouped weight by AVX-512 BF16 dot products, for processors without matrix tiles. A sum
// of a chunk is one chain of dot products along its inputs, then scaled in fp32, whichever of the two ways of
// code_rows.h is taken.
#pragma GCC diagnostic push
// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/code_expand.h"
#include "ops/code_rows.h"

namespace swift::ops {
namespace {

#define SWIFT_VECTOR [[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]]

struct ChunkCall {
  const CodeLayout& layout;
  const uint16_t* x;    // of the first row
  const float* totals;  // of the first row and this chunk, or null
  int64_t panel, chunk;
  CodeSums sums;  // of the first row and panel
};

// sums (+)= scale * (products - zero * total), for sixteen outputs.
SWIFT_CODES void add_scaled(const ChunkCall& call, int64_t row, int64_t column, const ChunkScale& by,
                            __m512 products) {
  float* to = call.sums.data + row * call.sums.stride + column;
  __m512 sum = call.chunk > 0 ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
  sum = _mm512_fmadd_ps(by.scale, products, sum);
  if (call.totals != nullptr)
    sum = _mm512_fnmadd_ps(by.zero, _mm512_set1_ps(call.totals[row * call.layout.chunks()]), sum);
  _mm512_storeu_ps(to, sum);
}

SWIFT_CODES __m512i pair_of(const uint16_t* x) {
  int32_t both;
  std::memcpy(&both, x, sizeof both);
  return _mm512_set1_epi32(both);
}

template <int Lines>
SWIFT_CODES void fetch(const uint8_t* line) {
  SWIFT_UNROLLED
  for (int i = 0; i < Lines; ++i)
    _mm_prefetch(reinterpret_cast<const char*>(line + i * kCodeLine), _MM_HINT_T0);
}

// A chunk of `Panels` panels for `Rows` rows.
template <CodeForm Form, int Rows, int Panels>
SWIFT_VECTOR void direct_chunk(const ChunkCall& call) {
  constexpr int kHalves = 2 * Panels;
  const CodeLayout& layout = call.layout;
  const __m512i table = code_table<Form>();
  const int64_t stride = layout.line_stride(call.panel);
  const uint8_t* line = layout.chunk_codes(call.panel, call.chunk);
  const uint16_t* x = call.x + call.chunk * layout.chunk;
  __m512 sums[Rows][kHalves];
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) {
    SWIFT_UNROLLED
    for (int h = 0; h < kHalves; ++h) sums[r][h] = _mm512_setzero_ps();
  }
  const int64_t ahead = layout.chunk / layout.line_inputs() * stride;  // the next chunk's line
  for (int64_t left = layout.chunk; left > 0; left -= 2 * kLinePairs<Form>, line += stride) {
    if (Panels < kGroupPanels) fetch<kHalves>(line + ahead);
    SWIFT_UNROLLED
    for (int pair = 0; pair < kLinePairs<Form>; ++pair, x += 2) {
      __m512i values[Rows];
      SWIFT_UNROLLED
      for (int r = 0; r < Rows; ++r) values[r] = pair_of(x + r * layout.inputs);
      SWIFT_UNROLLED
      for (int h = 0; h < kHalves; ++h) {
        const __m512i weights = expand_pair<Form>(line + h * kCodeLine, pair, table);
        SWIFT_UNROLLED
        for (int r = 0; r < Rows; ++r)
          sums[r][h] = _mm512_dpbf16_ps(sums[r][h], (__m512bh)weights, (__m512bh)values[r]);
      }
    }
  }
  SWIFT_UNROLLED
  for (int h = 0; h < kHalves; ++h) {
    const int64_t scale = layout.scale_index(call.panel + h / 2, call.chunk) + h % 2 * 16;
    const ChunkScale by = chunk_scale(layout, scale);
    SWIFT_UNROLLED
    for (int r = 0; r < Rows; ++r) add_scaled(call, r, 16 * h, by, sums[r][h]);
  }
}

// A chunk of one panel as bf16: [pair][kCodePanel words].
using Expanded = std::array<uint32_t, kCodeChunk / 2 * kCodePanel>;

template <CodeForm Form>
SWIFT_VECTOR void expand_chunk(const CodeLayout& layout, int64_t panel, int64_t chunk, uint32_t* out) {
  const __m512i table = code_table<Form>();
  const int64_t stride = layout.line_stride(panel);
  const uint8_t* line = layout.chunk_codes(panel, chunk);
  const int64_t ahead = layout.chunk / layout.line_inputs() * stride;  // the next chunk's line
  for (int64_t left = layout.chunk; left > 0; left -= 2 * kLinePairs<Form>, line += stride) {
    fetch<2>(line + ahead);
    SWIFT_UNROLLED
    for (int pair = 0; pair < kLinePairs<Form>; ++pair, out += kCodePanel) {
      _mm512_store_si512(out, expand_pair<Form>(line, pair, table));
      _mm512_store_si512(out + 16, expand_pair<Form>(line + kCodeLine, pair, table));
    }
  }
}

// An expanded chunk for `Rows` rows.
template <int Rows>
SWIFT_VECTOR void expanded_rows(const ChunkCall& call, const uint32_t* weights) {
  const CodeLayout& layout = call.layout;
  const uint16_t* x = call.x + call.chunk * layout.chunk;
  __m512 sums[Rows][2];
  SWIFT_UNROLLED
  for (int r = 0; r < Rows; ++r) sums[r][0] = sums[r][1] = _mm512_setzero_ps();
  for (int64_t pair = 0; pair < layout.chunk / 2; ++pair, x += 2, weights += kCodePanel) {
    const __m512i left = _mm512_load_si512(weights), right = _mm512_load_si512(weights + 16);
    SWIFT_UNROLLED
    for (int r = 0; r < Rows; ++r) {
      const __m512i value = pair_of(x + r * layout.inputs);
      sums[r][0] = _mm512_dpbf16_ps(sums[r][0], (__m512bh)left, (__m512bh)value);
      sums[r][1] = _mm512_dpbf16_ps(sums[r][1], (__m512bh)right, (__m512bh)value);
    }
  }
  for (int h = 0; h < 2; ++h) {
    const ChunkScale by = chunk_scale(layout, layout.scale_index(call.panel, call.chunk) + 16 * h);
    SWIFT_UNROLLED
    for (int r = 0; r < Rows; ++r) add_scaled(call, r, 16 * h, by, sums[r][h]);
  }
}

using Direct = void (*)(const ChunkCall&);
using OverExpanded = void (*)(const ChunkCall&, const uint32_t*);

template <CodeForm Form>
constexpr FewRows<Direct> kDirect = {
    {direct_chunk<Form, 1, 1>, direct_chunk<Form, 2, 1>, direct_chunk<Form, 3, 1>, direct_chunk<Form, 4, 1>,
     direct_chunk<Form, 5, 1>},
    {direct_chunk<Form, 1, 2>, direct_chunk<Form, 2, 2>, direct_chunk<Form, 3, 2>, direct_chunk<Form, 4, 2>,
     direct_chunk<Form, 5, 2>},
    {direct_chunk<Form, 1, 4>, direct_chunk<Form, 2, 4>, direct_chunk<Form, 3, 4>}};
constexpr ManyRows<OverExpanded> kOverExpanded = {expanded_rows<6>, expanded_rows<7>,  expanded_rows<8>,
                                                  expanded_rows<9>, expanded_rows<10>, expanded_rows<11>,
                                                  expanded_rows<12>};

template <CodeForm Form>
void product(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count, PanelRange panels,
             CodeSums sums) {
  const auto call_of = [&](int64_t row, int64_t panel, int64_t chunk) {
    const float* totals = x.totals != nullptr ? x.totals + (first + row) * layout.chunks() + chunk : nullptr;
    float* to = sums.data + row * sums.stride + (panel - panels.begin) * kCodePanel;
    return ChunkCall{layout, x.bf16 + (first + row) * layout.inputs, totals, panel, chunk, {to, sums.stride}};
  };
  if (count <= kFewRows) {
    return for_few_rows(layout, count, panels, kDirect<Form>,
                        [&](Direct run, int64_t panel, int64_t chunk) { run(call_of(0, panel, chunk)); });
  }
  alignas(64) Expanded weights;
  for_many_rows(
      layout, count, panels, kOverExpanded,
      [&](int64_t panel, int64_t chunk) { expand_chunk<Form>(layout, panel, chunk, weights.data()); },
      [&](OverExpanded run, int64_t panel, int64_t chunk, int64_t row) {
        run(call_of(row, panel, chunk), weights.data());
      });
}

}  // namespace

void code_product_vector(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                         PanelRange panels, CodeSums sums) {
  by_form(layout.form, [&]<CodeForm Form>() { product<Form>(layout, x, first, count, panels, sums); });
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
