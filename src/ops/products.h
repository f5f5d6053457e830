// Products of activations with the weights of a linear, without autograd: bf16 on the CPU runs the kernels of
// gemm.h, anything else ATen.
#pragma once
#include "ops/gemm.h"
#include "ops/torch.h"

namespace swift::ops {

// Whether x (rows, in) and w (out, in) run on the panel kernels: bf16 on the CPU, even sizes, and more rows
// than the vector kernel takes.
bool runs_panels(const at::Tensor& x, const at::Tensor& w);

// x · W^T + bias (out, or undefined). x (rows, in), W (out, in). update and scaling (gemm.h) count where
// runs_panels() says so, and must be empty elsewhere.
at::Tensor product_nt(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                      const LowRankTerm& update = {}, const ColumnGain& scaling = {});

// dy · W. dy (rows, out), W (out, in). update as in product_nt, for any number of rows of bf16.
at::Tensor product_nn(const at::Tensor& dy, const at::Tensor& w, const LowRankTerm& update = {});

// x · W^T in fp32: logits.
at::Tensor logits(const at::Tensor& x, const at::Tensor& w);

}  // namespace swift::ops
