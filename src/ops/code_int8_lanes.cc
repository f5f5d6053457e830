// 8-bit activations on processors with AVX2 alone, and their rounding.
#include <algorithm>
#include <array>

#include "ops/code_int8.h"
#include "ops/code_kernels.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using Bytes = int8_t __attribute__((vector_size(8)));

// The chunk's codes as whole numbers, (inputs, kCodePanel).
void expand(const CodeLayout& layout, int64_t panel, int64_t chunk, int32_t* out) {
  const uint8_t* line = layout.chunk_codes(panel, chunk);
  for (int64_t input = 0; input < layout.chunk; input += layout.line_inputs()) {
    for (int64_t byte = 0; byte < 2 * kCodeLine; ++byte) {
      int32_t* to = out + (input + byte % 4) * kCodePanel + byte / 4;
      *to = layout.bits() == 4 ? line[byte] & 15 : line[byte];
      if (layout.bits() == 4) to[4 * kCodePanel] = line[byte] >> 4;
    }
    line += layout.line_stride(panel);
  }
}

float scale_at(const CodeLayout& layout, int64_t index) {
  if (layout.scale_type == CodeScale::fp16) return static_cast<const c10::Half*>(layout.scales)[index];
  if (layout.scale_type == CodeScale::bf16) return static_cast<const c10::BFloat16*>(layout.scales)[index];
  return static_cast<const float*>(layout.scales)[index];
}

// A row's chunk, added to its sums.
void add_row(const CodeLayout& layout, const Int8Input& x, int64_t row, int64_t chunk, int64_t scale,
             const int32_t* weights, float* sums) {
  const int8_t* in = x.codes + row * layout.inputs + chunk * layout.chunk;
  const int64_t at = row * layout.chunks() + chunk;
  std::array<int32_t, kCodePanel> products{};
  for (int64_t k = 0; k < layout.chunk; ++k) {
    for (int64_t o = 0; o < kCodePanel; ++o)
      products[static_cast<size_t>(o)] += in[k] * weights[k * kCodePanel + o];
  }
  for (int64_t o = 0; o < kCodePanel; ++o) {
    const int32_t zero = (1 << (layout.bits() - 1)) + (layout.zeros != nullptr ? layout.zeros[scale + o] : 0);
    const int32_t whole = products[static_cast<size_t>(o)] - zero * x.totals[at];
    const float before = chunk > 0 ? sums[o] : 0;
    sums[o] = before + scale_at(layout, scale + o) * x.scales[at] * static_cast<float>(whole);
  }
}

// Rounds to the nearest code, ties to even.
template <class T>
int32_t rounded_chunk(const T* x, int64_t count, int8_t* codes, float& scale) {
  Floats most = {};
  for_lanes(0, count, [&](int64_t i, int64_t n) {
    const Floats value = load(x + i, n);
    most = largest(most, largest(value, -value));
  });
  float magnitude = 0;
  for (int64_t i = 0; i < kLanes; ++i) magnitude = std::max(magnitude, most[i]);
  scale = magnitude / 127;
  const float inverse = magnitude > 0 ? 127 / magnitude : 0;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding and taking it off rounds to an integer
  Integers total = {};
  for_lanes(0, count, [&](int64_t i, int64_t n) {
    const Floats value = (load(x + i, n) * inverse + kRound) - kRound;
    const Integers whole = __builtin_convertvector(value, Integers);
    total += whole;
    const auto narrow = __builtin_convertvector(whole, Bytes);
    std::memcpy(codes + i, &narrow, static_cast<size_t>(n));
  });
  int32_t sum = 0;
  for (int64_t i = 0; i < kLanes; ++i) sum += total[i];
  return sum;
}

}  // namespace

int32_t round_chunk(const float* x, int64_t count, int8_t* codes, float& scale) {
  return rounded_chunk(x, count, codes, scale);
}

int32_t round_chunk(const c10::BFloat16* x, int64_t count, int8_t* codes, float& scale) {
  return rounded_chunk(x, count, codes, scale);
}

void int8_product_lanes(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                        PanelRange panels, CodeSums sums) {
  alignas(64) std::array<int32_t, kCodeChunk * kCodePanel> weights;
  for_panel_groups(layout, panels, [&](int64_t begin, int64_t end, int64_t c) {
    for (int64_t panel = begin; panel < end; ++panel) {
      expand(layout, panel, c, weights.data());
      float* to = sums.data + (panel - panels.begin) * kCodePanel;
      for (int64_t row = 0; row < count; ++row)
        add_row(layout, x, first + row, c, layout.scale_index(panel, c), weights.data(),
                to + row * sums.stride);
    }
  });
}

}  // namespace swift::ops
