// The same work by the calls that a user of PyTorch has; without LibTorch in the build every function returns
// no call. Arrays are as in the launchers' headers, and must outlive the calls.
#pragma once
#include "bench.h"

namespace swift::gpu_bench::aten {

// LibTorch's version, or nothing.
std::string version();

// x, residual (rows, hidden), weight (hidden).
Call add_rms_norm(const Array& x, const Array& residual, const Array& weight, int sets, int64_t rows);
// dy, x, dsum (rows, hidden).
Call rms_norm_backward(const Array& dy, const Array& x, const Array& dsum, const Array& weight, int sets,
                       int64_t rows);
// silu(gate) * up of (rows, columns).
Call gated(const Array& gate, const Array& up, int sets, int64_t rows);
Call gated_backward(const Array& dy, const Array& gate, const Array& up, int sets, int64_t rows);

struct RopeShape {
  int64_t tokens, heads, kv_heads, head_dim;
};
// q, k and v side by side (tokens, (heads + 2 kv_heads) head_dim); norm weights (head_dim); cos, sin (tokens,
// head_dim / 2). Norm, rotation, and k and v copied to rows of a cache.
Call qk_rope(const Array& qkv, const Array& weight, const Array& cos, const Array& sin, int sets,
             const RopeShape& shape);
// The gradient of the norm and the rotation of x (tokens, heads, head_dim).
Call rope_backward(const Array& dy, const Array& x, const Array& weight, const Array& cos, const Array& sin,
                   int sets, const RopeShape& shape);

// dy (tokens, hidden).
Call embedding_backward(const Array& dy, const Table<int32_t>& ids, int64_t vocab);

// Each copy in the arrays is one tensor of the optimizer; all fp32.
Call adamw(const Array& weight, const Array& grad, const Array& exp_avg, const Array& exp_avg_sq,
           int tensors);
Call grad_norm(const Array& grad, int tensors);

struct AttentionShape {
  int64_t batch, tokens, heads, kv_heads, head_dim;
};
// q (batch, tokens, heads, head_dim), k and v (batch, tokens, kv_heads, head_dim); causal.
Call attention(const Array& q, const Array& k, const Array& v, const AttentionShape& shape);
Call attention_backward(const Array& q, const Array& k, const Array& v, const Array& d_out,
                        const AttentionShape& shape);
// One query a sequence over k and v (batch, kv_heads, tokens, head_dim).
Call decode(const Array& q, const Array& k, const Array& v, int sets, const AttentionShape& shape);

// scale drop(x) factor^T of x (rows, columns) and factor (rank, columns).
Call lora_project(const Array& x, const Array& factor, int sets, int64_t rows, double dropout, double scale);
// y (rows, columns) += h factor^T of h (rows, rank) and factor (columns, rank).
Call lora_add(const Array& y, const Array& h, const Array& factor, int sets, int64_t rows);
// The experts of each row of scores (tokens, experts), and their shares.
Call route(const Array& scores, int sets, int64_t tokens, int64_t per_token);

// Mean loss of logits (rows, vocab).
Call cross_entropy(const Array& logits, const Table<int32_t>& targets, int sets, int64_t rows);
// Loss of hidden (tokens, hidden) times weight (vocab, hidden), and the gradients of hidden and, when wanted,
// weight. `peak` receives the bytes that a call needs at most.
Call linear_cross_entropy(const Array& hidden, const Array& weight, const Table<int32_t>& targets,
                          int64_t tokens, bool weight_gradient, double& peak);

// One token of each row of logits; top_k 0: all.
Call sample(const Array& logits, int sets, int64_t rows, double top_p, int64_t top_k, bool greedy);
// The log-probabilities of the `count` most likely.
Call top_log_probs(const Array& logits, int sets, int64_t rows, int64_t count);

}  // namespace swift::gpu_bench::aten
