// Forward and gradients of the low-rank update of one linear, without autograd: what Linear and DoraLinear
// share.
#pragma once
#include "ops/dropout.h"
#include "ops/products.h"

namespace swift::ops {

// The low-rank update of one linear.
struct LowRank {
  at::Tensor a;                 // (rank, in) fp32
  at::Tensor b;                 // (out, rank) fp32
  double scale = 1.0;           // alpha / rank, or alpha / sqrt(rank)
  double dropout = 0;           // probability of zeroing an element of x
  DropoutKey dropout_key = {};  // the mask is a pure function of this key and the element's index

  // What meets A: x, or x with its mask.
  at::Tensor dropped(const at::Tensor& x) const;
};

// y = (x · W^T + h · B^T) scaled by column, + bias; h = scale · drop(x) · A^T (tokens, rank) is kept for the
// backward pass. scaling must be empty where runs_panels() does not hold.
at::Tensor updated_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                           const LowRank& update, at::Tensor& h, const ColumnGain& scaling = {});

// Whether update_gradients of this dy and w takes h as updated_product made it, its rank made even or padded.
bool keeps_padded_rank(const at::Tensor& dy, const at::Tensor& w, const LowRank& update);

struct UpdateGradients {
  at::Tensor dx, da, db;
};

// Gradients of updated_product without scaling; those that are not wanted stay undefined. dy (tokens, out).
UpdateGradients update_gradients(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                                 const at::Tensor& h, const LowRank& update, bool want_dx, bool want_da,
                                 bool want_db);

}  // namespace swift::ops
