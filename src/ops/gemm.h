// Matrix products of bf16 activations with row-major bf16 weights, straight from the mapped checkpoint:
// weights are re-laid panel by panel in the cache while they are used, so no second copy of the model exists.
// Sums are fp32. The micro-kernel is panel_product.h (AMX or AVX-512 BF16); where the machine has neither,
// callers use ATen.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <functional>

namespace swift::ops {

// True when this machine runs the panel kernels.
bool has_panel_gemm();
// True when this machine runs the AVX-512 BF16 vector kernel of gemv_bf16.
bool has_vector_bf16();

// A low-rank product added to a result in fp32, before it is rounded: left (m, rank) times right. The rank is
// even; 0: none.
struct LowRankTerm {
  const c10::BFloat16* left = nullptr;
  const c10::BFloat16* right = nullptr;  // gemm_nt: (n, rank), transposed; gemm_nn: (rank, k)
  int64_t rank = 0;
};

// Rows that are multiplied with the weights beside the activations, and from whose products the factor of
// each column of the result follows: gain(products, stride, first column, columns, factors) reads products
// [row * stride + column - first] and writes `columns` factors. Several threads call it.
struct ColumnGain {
  const c10::BFloat16* rows = nullptr;  // (count, k)
  int64_t count = 0;
  std::function<void(const float*, int64_t, int64_t, int64_t, float*)> gain = {};
};

// y (m, n) = (x (m, k) · w (n, k)^T + update) scaled by column, + bias (n, may be null). k must be even.
void gemm_nt(const c10::BFloat16* x, const c10::BFloat16* w, const c10::BFloat16* bias, c10::BFloat16* y,
             int64_t m, int64_t n, int64_t k, const LowRankTerm& update = {}, const ColumnGain& scaling = {});

// dx (m, k) = dy (m, n) · w (n, k) + update. n must be even.
// stride: elements from one row of dy to the next; 0: n.
void gemm_nn(const c10::BFloat16* dy, const c10::BFloat16* w, c10::BFloat16* dx, int64_t m, int64_t n,
             int64_t k, const LowRankTerm& update = {}, int64_t stride = 0);

// gemm_nt with an fp32 result and no bias: logits.
void gemm_nt_f32(const c10::BFloat16* x, const c10::BFloat16* w, float* y, int64_t m, int64_t n, int64_t k);

// The product for few rows (m <= 8): reads every weight once, at the speed of memory. y is bf16 or fp32.
template <class Out>
void gemv_bf16(const c10::BFloat16* x, const c10::BFloat16* w, const c10::BFloat16* bias, Out* y, int64_t m,
               int64_t n, int64_t k);

}  // namespace swift::ops
