// The bf16 product for few rows: AVX-512 BF16 dot products, every weight read once from memory.
#include <ATen/Parallel.h>
// GCC 12's own header reads an undefined register on purpose.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#include <immintrin.h>

#include <array>

#include "ops/cpu_level.h"
#include "ops/gemm.h"

namespace swift::ops {
namespace {

using c10::BFloat16;
constexpr int64_t kMaxRows = 8;
constexpr int64_t kWeightRows = 4;  // weight rows in flight, to hide the latency of the loads

[[gnu::target("avx512f,avx512bw,avx512bf16"), gnu::always_inline]] inline __m512bh load(const BFloat16* p,
                                                                                        __mmask32 mask) {
  return (__m512bh)_mm512_maskz_loadu_epi16(mask, p);
}

// Sums of kWeightRows x Rows products over k; the tail of k is read under a mask.
template <int Rows>
[[gnu::target("avx512f,avx512bw,avx512vl,avx512bf16")]] void dot_block(const BFloat16* x, const BFloat16* w,
                                                                       int64_t k, int64_t weight_rows,
                                                                       float* sums) {
  __m512 acc[kWeightRows][Rows];
  for (auto& row : acc) {
    for (auto& value : row) value = _mm512_setzero_ps();
  }
  for (int64_t i = 0; i < k; i += 32) {
    const __mmask32 mask = k - i >= 32 ? ~0U : (1U << (k - i)) - 1U;
    __m512bh activations[Rows];
    for (int r = 0; r < Rows; ++r) activations[r] = load(x + r * k + i, mask);
    for (int64_t j = 0; j < kWeightRows; ++j) {
      const __m512bh weights = load(w + (j < weight_rows ? j : 0) * k + i, mask);
      for (int r = 0; r < Rows; ++r) acc[j][r] = _mm512_dpbf16_ps(acc[j][r], weights, activations[r]);
    }
  }
  for (int64_t j = 0; j < kWeightRows; ++j) {
    for (int r = 0; r < Rows; ++r) sums[j * Rows + r] = _mm512_reduce_add_ps(acc[j][r]);
  }
}

using DotBlock = void (*)(const BFloat16*, const BFloat16*, int64_t, int64_t, float*);
constexpr std::array<DotBlock, kMaxRows> kDotBlocks = {dot_block<1>, dot_block<2>, dot_block<3>,
                                                       dot_block<4>, dot_block<5>, dot_block<6>,
                                                       dot_block<7>, dot_block<8>};

}  // namespace

bool has_vector_bf16() {
  static const bool able =
      beyond_avx2() && __builtin_cpu_supports("avx512bf16") > 0 && __builtin_cpu_supports("avx512bw") > 0;
  return able;
}

template <class Out>
void gemv_bf16(const BFloat16* x, const BFloat16* w, const BFloat16* bias, Out* y, int64_t m, int64_t n,
               int64_t k) {
  const DotBlock dot = kDotBlocks[static_cast<size_t>(m - 1)];
  at::parallel_for(0, (n + kWeightRows - 1) / kWeightRows, 16, [&](int64_t begin, int64_t end) {
    std::array<float, kWeightRows * kMaxRows> sums{};
    for (int64_t block = begin; block < end; ++block) {
      const int64_t first = block * kWeightRows;
      const int64_t count = std::min(kWeightRows, n - first);
      dot(x, w + first * k, k, count, sums.data());
      for (int64_t j = 0; j < count; ++j) {
        const float shift = bias != nullptr ? static_cast<float>(bias[first + j]) : 0.0F;
        for (int64_t r = 0; r < m; ++r)
          y[r * n + first + j] = static_cast<Out>(sums[static_cast<size_t>(j * m + r)] + shift);
      }
    }
  });
}

template void gemv_bf16<BFloat16>(const BFloat16*, const BFloat16*, const BFloat16*, BFloat16*, int64_t,
                                  int64_t, int64_t);
template void gemv_bf16<float>(const BFloat16*, const BFloat16*, const BFloat16*, float*, int64_t, int64_t,
                               int64_t);

}  // namespace swift::ops

#pragma GCC diagnostic pop
