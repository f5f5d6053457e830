// The product with a grouped weight in fp32 with AVX2: the codes of a chunk become fp32 once, for all rows.
#include <algorithm>
#include <array>

#include "ops/code_kernels.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

constexpr int64_t kParts = kCodePanel / kLanes;  // registers of a panel's row
using Panel = std::array<Floats, kParts>;

// The chunk's codes as numbers around zero, (inputs, kCodePanel).
void expand(const CodeLayout& layout, const uint8_t* codes, float* out) {
  for (int64_t step = 0; step < layout.chunk / kCodeStep; ++step) {
    for (int64_t half = 0; half < 2; ++half, codes += layout.block_bytes()) {
      float* to = out + step * kCodeStep * kCodePanel + half * 16;
      if (layout.bits == 8) {
        for (int64_t i = 0; i < kCodeStep * 16; ++i)
          to[(i / 32 * 2 + i % 2) * kCodePanel + i % 32 / 2] = static_cast<int8_t>(codes[i]);
        continue;
      }
      for (int64_t word = 0; word < 64; word += kLanes) {
        Words bits;
        std::memcpy(&bits, codes + 4 * word, sizeof bits);
        for (int i = 0; i < 8; ++i) {  // code i of a word: input 2 * (i % 4) + i / 4 of eight
          const Words code = bits >> (4 * i) & 15U;
          const Floats value = __builtin_convertvector(__builtin_bit_cast(Integers, code), Floats) - 8.0F;
          store(to + (word / 16 * 8 + i % 4 * 2 + i / 4) * kCodePanel + word % 16, value);
        }
      }
    }
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

}  // namespace

void code_product_lanes(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                        int64_t panel, CodeSums sums) {
  const int64_t chunks = layout.chunks();
  alignas(64) std::array<float, kCodeChunk * kCodePanel> weights;
  for (int64_t c = 0; c < chunks; ++c) {
    expand(layout, layout.chunk_codes(panel, c), weights.data());
    const int64_t at = layout.scale_index(panel, c);
    Panel scale{}, zero{};
    for (size_t p = 0; p < kParts; ++p) {
      const int64_t index = at + static_cast<int64_t>(p) * kLanes;
      scale[p] = scales_at(layout, index);
      if (layout.zeros != nullptr) zero[p] = scale[p] * load(layout.zeros + index);
    }
    for (int64_t row = 0; row < count; row += 2) {
      const int64_t rows = std::min<int64_t>(2, count - row);
      std::array<Panel, 2> products{};
      (rows == 2 ? chunk_sums<2> : chunk_sums<1>)(x.fp32 + (first + row) * layout.inputs + c * layout.chunk,
                                                  layout.inputs, weights.data(), layout.chunk,
                                                  products.data());
      for (int64_t r = 0; r < rows; ++r) {
        float* to = sums.data + (row + r) * sums.stride;
        const Floats total = x.totals != nullptr ? splat(x.totals[(first + row + r) * chunks + c]) : Floats{};
        for (size_t p = 0; p < kParts; ++p) {
          float* part = to + static_cast<int64_t>(p) * kLanes;
          const Floats before = c > 0 ? load(part) : Floats{};
          store(part, before + scale[p] * products[static_cast<size_t>(r)][p] - zero[p] * total);
        }
      }
    }
  }
}

}  // namespace swift::ops
