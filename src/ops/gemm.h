// Matrix products of bf16 activations with row-major bf16 weights, straight from the mapped checkpoint:
// weights are re-laid panel by panel in the cache while they are used, so no second copy of the model exists.
// Sums are fp32. The micro-kernel is oneDNN's brgemm (AMX or AVX-512 BF16); where the machine has neither,
// callers use ATen.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>

namespace swift::ops {

// True when this machine runs the panel kernels.
bool has_panel_gemm();
// True when this machine runs the AVX-512 BF16 vector kernel of gemv_bf16.
bool has_vector_bf16();

// y (m, n) = x (m, k) · w (n, k)^T + bias (n, may be null). k must be even.
void gemm_nt(const c10::BFloat16* x, const c10::BFloat16* w, const c10::BFloat16* bias, c10::BFloat16* y,
             int64_t m, int64_t n, int64_t k);

// dx (m, k) = dy (m, n) · w (n, k). n must be even.
void gemm_nn(const c10::BFloat16* dy, const c10::BFloat16* w, c10::BFloat16* dx, int64_t m, int64_t n,
             int64_t k);

// gemm_nt with an fp32 result and no bias: logits.
void gemm_nt_f32(const c10::BFloat16* x, const c10::BFloat16* w, float* y, int64_t m, int64_t n, int64_t k);

// The product for few rows (m <= 8): reads every weight once, at the speed of memory. y is bf16 or fp32.
template <class Out>
void gemv_bf16(const c10::BFloat16* x, const c10::BFloat16* w, const c10::BFloat16* bias, Out* y, int64_t m,
               int64_t n, int64_t k);

}  // namespace swift::ops
