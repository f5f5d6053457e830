// Forward and gradients of the low-rank update of one linear, without autograd: what Linear and DoraLinear
// share.
#pragma once
#include "ops/products.h"

namespace swift::ops {

// The low-rank pair of a pass, and what x goes through before it meets A.
struct Update {
  at::Tensor a, b;  // (rank, in), (out, rank) fp32
  double scale = 1.0;
  double dropout = 0;
  uint64_t key = 0;

  at::Tensor dropped(const at::Tensor& x) const;
};

// y = (x · W^T + h · B^T) scaled by column, + bias; h = scale · drop(x) · A^T (tokens, rank) is kept for the
// backward pass. scaling must be empty where runs_panels() does not hold.
at::Tensor updated_product(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias,
                           const Update& update, at::Tensor& h, const ColumnGain& scaling = {});

struct UpdateGradients {
  at::Tensor dx, da, db;
};

// Gradients of updated_product without scaling; those that are not wanted stay undefined. dy (tokens, out).
UpdateGradients update_gradients(const at::Tensor& dy, const at::Tensor& x, const at::Tensor& w,
                                 const at::Tensor& h, const Update& update, bool want_dx, bool want_da,
                                 bool want_db);

}  // namespace swift::ops
