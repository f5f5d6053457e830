// Causal attention of one packed batch in bf16 on the matrix tiles, in blocks of 32 queries and 64 keys.
// Grouped heads share their packed keys and values; nothing is repeated or copied per head. Softmax is fp32
// over whole rows, probabilities are rounded to bf16 for the products (as in Dao et al. 2022's kernels).
//   q, out, dq, dout (tokens, heads, head_dim)   k, v, dk, dv (tokens, kv_heads, head_dim)
//   log_sums (heads, tokens) fp32: log of the softmax's denominator
// A sample's result does not depend on the other samples or on the number of threads; that of a segment that
// continues a prefix is the one it has behind a prefix of its own, bit for bit. For machines with the panel
// kernels of gemm.h; head_dim even.
#pragma once
#include <c10/util/BFloat16.h>

#include <cstdint>
#include <vector>

namespace swift::ops {

struct AttentionShape {
  int64_t tokens;
  int64_t heads;
  int64_t kv_heads;
  int64_t head_dim;
  const std::vector<int64_t>& cu_seqlens;  // of the segments, see attention.h
  const std::vector<int64_t>& continues;   // (segments), or empty
  double scale;
};

struct AttentionInputs {
  const c10::BFloat16 *q, *k, *v;
};

void block_attention(const AttentionShape& shape, const AttentionInputs& in, c10::BFloat16* out,
                     float* log_sums);

struct AttentionGradients {
  c10::BFloat16 *dq, *dk, *dv;
};

// out and log_sums as block_attention gave them.
void block_attention_backward(const AttentionShape& shape, const AttentionInputs& in,
                              const c10::BFloat16* out, const float* log_sums, const c10::BFloat16* dout,
                              const AttentionGradients& gradients);

}  // namespace swift::ops
