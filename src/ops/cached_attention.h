// Attention of a few new tokens over one sequence's key/value cache.
//   q (new, heads, head_dim)   keys, values (kv_heads, capacity, head_dim), the first `length` positions
//   valid, the new tokens' own keys among them   returns (new, heads, head_dim)
// Token i of the new ones sees positions 0 .. length - new + i. Sums in fp32.
#pragma once
#include "ops/torch.h"

namespace swift::ops {

struct CachedAttention {
  static at::Tensor forward(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                            int64_t length, double scale);
  // The same with an explicit score matrix: oracle and fallback.
  static at::Tensor plain(const at::Tensor& q, const at::Tensor& keys, const at::Tensor& values,
                          int64_t length, double scale);
};

}  // namespace swift::ops
