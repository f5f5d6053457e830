// The product with a grouped weight in fp32 with AVX2: the codes of a chunk become fp32 once, for all rows.
#include <c10/util/Float8_e4m3fn.h>

#include <algorithm>
#include <array>

#include "ops/code_kernels.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

constexpr int64_t kParts = kCodePanel / kLanes;  // registers of a panel's row
using Panel = std::array<Floats, kParts>;

// What the codes of E4M3 stand for.
const std::array<float, 256>& fp8_values() {
  static const std::array<float, 256> values = [] {
    std::array<float, 256> all{};
    for (size_t code = 0; code < all.size(); ++code)
      all[code] = c10::detail::fp8e4m3fn_to_fp32_value(static_cast<uint8_t>(code));
    return all;
  }();
  return values;
}

// A line of 4-bit codes as numbers around zero; to: (inputs, kCodePanel), at the first of the 16 outputs.
void expand_words(const uint8_t* line, float* to) {
  for (int64_t word = 0; word < 16; word += kLanes) {
    Words bits;
    std::memcpy(&bits, line + 4 * word, sizeof bits);
    for (int i = 0; i < 8; ++i) {  // code i of a word: input 2 * (i % 4) + i / 4 of eight
      const Words code = bits >> (4 * i) & 15U;
      const Floats value = __builtin_convertvector(__builtin_bit_cast(Integers, code), Floats) - 8.0F;
      store(to + (i % 4 * 2 + i / 4) * kCodePanel + word, value);
    }
  }
}

// A line of 8-bit codes.
void expand_bytes(const uint8_t* line, bool fp8, float* to) {
  const std::array<float, 256>& values = fp8_values();
  for (int64_t i = 0; i < kCodeLine; ++i) {
    const float value = fp8 ? values[line[i]] : static_cast<float>(static_cast<int8_t>(line[i]));
    to[(i / 32 * 2 + i % 2) * kCodePanel + i % 32 / 2] = value;
  }
}

// The chunk's codes as numbers, (inputs, kCodePanel).
void expand(const CodeLayout& layout, int64_t panel, int64_t chunk, float* out) {
  const uint8_t* line = layout.chunk_codes(panel, chunk);
  for (int64_t input = 0; input < layout.chunk; input += layout.line_inputs()) {
    for (int64_t half = 0; half < 2; ++half) {
      const uint8_t* from = line + half * kCodeLine;
      float* to = out + input * kCodePanel + half * 16;
      if (layout.form == CodeForm::four_bit) {
        expand_words(from, to);
      } else {
        expand_bytes(from, layout.form == CodeForm::fp8, to);
      }
    }
    line += layout.line_stride(panel);
  }
}

Floats scales_at(const CodeLayout& layout, int64_t index) {
  if (layout.scale_type == CodeScale::fp16)
    return ops::load(static_cast<const c10::Half*>(layout.scales) + index);
  if (layout.scale_type == CodeScale::bf16)
    return ops::load(static_cast<const c10::BFloat16*>(layout.scales) + index);
  return ops::load(static_cast<const float*>(layout.scales) + index);
}

// Products of a chunk's activations with the expanded codes.
template <int Rows>
void chunk_sums(const float* x, int64_t x_stride, const float* weights, int64_t inputs, Panel* sums) {
  std::array<Panel, Rows> total{};
  for (int64_t k = 0; k < inputs; ++k) {
    for (size_t r = 0; r < Rows; ++r) {
      const Floats value = splat(x[static_cast<int64_t>(r) * x_stride + k]);
      for (size_t p = 0; p < kParts; ++p)
        total[r][p] += value * load(weights + k * kCodePanel + static_cast<int64_t>(p) * kLanes);
    }
  }
  std::copy(total.begin(), total.end(), sums);
}

struct ChunkScales {
  Panel scale, zero;  // zero: times the scale
};
ChunkScales scales_of(const CodeLayout& layout, int64_t index) {
  ChunkScales by{};
  for (size_t p = 0; p < kParts; ++p) {
    const int64_t at = index + static_cast<int64_t>(p) * kLanes;
    by.scale[p] = scales_at(layout, at);
    if (layout.zeros != nullptr) by.zero[p] = by.scale[p] * load(layout.zeros + at);
  }
  return by;
}

// One or two rows of a chunk, added to their sums.
void add_rows(const CodeLayout& layout, const CodeInput& x, int64_t row, int64_t rows, int64_t chunk,
              const float* weights, const ChunkScales& by, CodeSums sums) {
  std::array<Panel, 2> products{};
  (rows == 2 ? chunk_sums<2> : chunk_sums<1>)(x.fp32 + row * layout.inputs + chunk * layout.chunk,
                                              layout.inputs, weights, layout.chunk, products.data());
  for (int64_t r = 0; r < rows; ++r) {
    const Floats total =
        x.totals != nullptr ? splat(x.totals[(row + r) * layout.chunks() + chunk]) : Floats{};
    for (size_t p = 0; p < kParts; ++p) {
      float* to = sums.data + r * sums.stride + static_cast<int64_t>(p) * kLanes;
      const Floats before = chunk > 0 ? load(to) : Floats{};
      store(to, before + by.scale[p] * products[static_cast<size_t>(r)][p] - by.zero[p] * total);
    }
  }
}

}  // namespace

void code_product_lanes(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                        PanelRange panels, CodeSums sums) {
  alignas(64) std::array<float, kCodeChunk * kCodePanel> weights;
  for_panel_groups(layout, panels, [&](int64_t begin, int64_t end, int64_t c) {
    for (int64_t panel = begin; panel < end; ++panel) {
      expand(layout, panel, c, weights.data());
      const ChunkScales by = scales_of(layout, layout.scale_index(panel, c));
      float* to = sums.data + (panel - panels.begin) * kCodePanel;
      for (int64_t row = 0; row < count; row += 2)
        add_rows(layout, x, first + row, std::min<int64_t>(2, count - row), c, weights.data(), by,
                 {to + row * sums.stride, sums.stride});
    }
  });
}

}  // namespace swift::ops
