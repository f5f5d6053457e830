// The product with a grouped weight by AVX-512 BF16 dot products, for processors without matrix tiles: codes
// become bf16 in registers.
#pragma GCC diagnostic push
// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "ops/code_expand.h"
#include "ops/code_kernels.h"

namespace swift::ops {
namespace {

constexpr int64_t kMostRows = 8;

// Sixteen outputs of one chunk for `Rows` rows. x: the chunk's activations of the first row.
template <int Bits, int Rows>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]] void chunk_sums(
    const uint8_t* block, int64_t steps, const uint16_t* x, int64_t x_stride, float* products) {
  const __m512i table = bf16_of_codes();
  __m512 sums[Rows];
  for (auto& sum : sums) sum = _mm512_setzero_ps();
  for (int64_t step = 0; step < steps; ++step, block += kCodePanel * kCodeStep * Bits / 8) {
    for (int part = 0; part < 4; ++part) {
      __m512i weights[4];
      expand_rows<Bits>(block, part, table, weights);
      for (int pair = 0; pair < 4; ++pair) {
        for (int r = 0; r < Rows; ++r) {
          int32_t both;
          std::memcpy(&both, x + r * x_stride + step * kCodeStep + 8 * part + 2 * pair, sizeof both);
          sums[r] = _mm512_dpbf16_ps(sums[r], (__m512bh)weights[pair], (__m512bh)_mm512_set1_epi32(both));
        }
      }
    }
  }
  for (int r = 0; r < Rows; ++r) _mm512_storeu_ps(products + 16 * r, sums[r]);
}

[[gnu::target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")]] void add_scaled(
    const CodeLayout& layout, int64_t scale, const float* products, int64_t rows, const float* totals,
    int64_t totals_stride, bool add, CodeSums sums) {
  const ChunkScale by = chunk_scale(layout, scale);
  for (int64_t r = 0; r < rows; ++r) {
    float* to = sums.data + r * sums.stride;
    __m512 sum = add ? _mm512_loadu_ps(to) : _mm512_setzero_ps();
    sum = _mm512_fmadd_ps(by.scale, _mm512_loadu_ps(products + 16 * r), sum);
    if (totals != nullptr) sum = _mm512_fnmadd_ps(by.zero, _mm512_set1_ps(totals[r * totals_stride]), sum);
    _mm512_storeu_ps(to, sum);
  }
}

using ChunkSums = void (*)(const uint8_t*, int64_t, const uint16_t*, int64_t, float*);
template <int Bits>
constexpr std::array<ChunkSums, kMostRows> kChunkSums = {
    chunk_sums<Bits, 1>, chunk_sums<Bits, 2>, chunk_sums<Bits, 3>, chunk_sums<Bits, 4>,
    chunk_sums<Bits, 5>, chunk_sums<Bits, 6>, chunk_sums<Bits, 7>, chunk_sums<Bits, 8>};

}  // namespace

void code_product_vector(const CodeLayout& layout, const CodeInput& x, int64_t first, int64_t count,
                         int64_t panel, CodeSums sums) {
  const int64_t chunks = layout.chunks(), steps = layout.chunk / kCodeStep;
  alignas(64) std::array<float, 16 * kMostRows> products;
  for (int64_t row = 0; row < count; row += kMostRows) {
    const int64_t rows = std::min(kMostRows, count - row);
    const ChunkSums run = (layout.bits == 4 ? kChunkSums<4> : kChunkSums<8>)[static_cast<size_t>(rows - 1)];
    for (int64_t c = 0; c < chunks; ++c) {
      const uint16_t* in = x.bf16 + (first + row) * layout.inputs + c * layout.chunk;
      const float* totals = x.totals != nullptr ? x.totals + (first + row) * chunks + c : nullptr;
      for (int64_t half = 0; half < 2; ++half) {
        run(layout.chunk_codes(panel, c) + half * layout.block_bytes(), steps, in, layout.inputs,
            products.data());
        add_scaled(layout, layout.scale_index(panel, c) + 16 * half, products.data(), rows, totals, chunks,
                   c > 0, {sums.data + row * sums.stride + 16 * half, sums.stride});
      }
    }
  }
}

}  // namespace swift::ops
#pragma GCC diagnostic pop
