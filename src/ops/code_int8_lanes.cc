// 8-bit activations on processors with AVX2 alone, and their rounding.
#include <algorithm>
#include <array>

#include "ops/code_int8.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

// The chunk's codes as whole numbers, (inputs, kCodePanel).
void expand(const CodeLayout& layout, const uint8_t* codes, int32_t* out) {
  const int64_t inputs = layout.bits == 4 ? 8 : 4;  // of 16 words
  for (int64_t first = 0; first < layout.chunk; first += layout.step) {
    for (int64_t half = 0; half < 2; ++half, codes += layout.block_bytes()) {
      for (int64_t byte = 0; byte < layout.block_bytes(); ++byte) {
        const int64_t input = first + byte / 64 * inputs + byte % 4;
        int32_t* to = out + input * kCodePanel + 16 * half + byte % 64 / 4;
        *to = layout.bits == 4 ? codes[byte] & 15 : codes[byte];
        if (layout.bits == 4) to[4 * kCodePanel] = codes[byte] >> 4;
      }
    }
  }
}

float scale_at(const CodeLayout& layout, int64_t index) {
  if (layout.scale_type == CodeScale::fp16) return static_cast<const c10::Half*>(layout.scales)[index];
  if (layout.scale_type == CodeScale::bf16) return static_cast<const c10::BFloat16*>(layout.scales)[index];
  return static_cast<const float*>(layout.scales)[index];
}

}  // namespace

int32_t round_chunk(const float* x, int64_t count, int8_t* codes, float& scale) {
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
  int32_t total = 0;
  for (int64_t i = 0; i < count; ++i) {
    const auto code = static_cast<int32_t>(x[i] * inverse + kRound - kRound);
    codes[i] = static_cast<int8_t>(code);
    total += code;
  }
  return total;
}

void int8_product_lanes(const CodeLayout& layout, const Int8Input& x, int64_t first, int64_t count,
                        int64_t panel, CodeSums sums) {
  alignas(64) std::array<int32_t, kCodeChunk * kCodePanel> weights;
  for (int64_t c = 0; c < layout.chunks(); ++c) {
    expand(layout, layout.chunk_codes(panel, c), weights.data());
    const int64_t scale = layout.scale_index(panel, c);
    for (int64_t row = first; row < first + count; ++row) {
      const int8_t* in = x.codes + row * layout.inputs + c * layout.chunk;
      const int64_t at = row * layout.chunks() + c;
      std::array<int32_t, kCodePanel> products{};
      for (int64_t k = 0; k < layout.chunk; ++k) {
        for (size_t o = 0; o < kCodePanel; ++o)
          products[o] += in[k] * weights[static_cast<size_t>(k * kCodePanel) + o];
      }
      float* to = sums.data + (row - first) * sums.stride;
      for (int64_t o = 0; o < kCodePanel; ++o) {
        const int32_t zero =
            (1 << (layout.bits - 1)) + (layout.zeros != nullptr ? layout.zeros[scale + o] : 0);
        const int32_t whole = products[static_cast<size_t>(o)] - zero * x.totals[at];
        const float before = c > 0 ? to[o] : 0;
        to[o] = before + scale_at(layout, scale + o) * x.scales[at] * static_cast<float>(whole);
      }
    }
  }
}

}  // namespace swift::ops
