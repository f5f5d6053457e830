// Rows of a table by their index.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

struct Embedding {
  // table (vocab, hidden) and ids (tokens) int64 to (tokens, hidden). Differentiable in the table; sums run
  // in the order of the tokens, so that they are the same each time, on a device too.
  static at::Tensor forward(const at::Tensor& table, const at::Tensor& ids);
};

}  // namespace swift::ops
