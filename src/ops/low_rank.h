// The thin products of a low-rank update on bf16 activations: what is long (tokens, features) is read once,
// the rank stays in a register tile. Sums are fp32; results are rounded once. For machines with the panel
// kernels of gemm.h.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

// factor (rank, n) or (n, rank) in bf16 with the rank made even by a row or column of zeros, as LowRankTerm
// wants it. rank_axis: 0 or 1.
at::Tensor even_rank(const at::Tensor& factor, int64_t rank_axis);

// scale · x · a^T. x (tokens, in) bf16, a (rank, in) bf16 from even_rank; returns (tokens, rank) bf16.
at::Tensor project_down(const at::Tensor& x, const at::Tensor& a, double scale);

// scale · dy · b. dy (tokens, out) bf16, b (out, rank) bf16 from even_rank; returns (tokens, rank) bf16.
at::Tensor project_back(const at::Tensor& dy, const at::Tensor& b, double scale);

// The gradient of a factor: h^T · x summed over tokens. h (tokens, rank) bf16, x (tokens, n) bf16; returns
// the first `rank` rows (rank, n) in fp32, or (n, rank) when `transposed`.
at::Tensor sum_outer(const at::Tensor& h, const at::Tensor& x, int64_t rank, bool transposed);

}  // namespace swift::ops
