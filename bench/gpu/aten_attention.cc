#include <torch/csrc/autograd/autograd.h>

#include "aten_tensor.h"

namespace swift::gpu_bench::aten {
namespace {

// (batch, heads, tokens, head_dim), as scaled_dot_product_attention wants them.
at::Tensor by_heads(const Array& array, int64_t heads, const AttentionShape& s) {
  return view(array, 0, {s.batch, s.tokens, heads, s.head_dim}).transpose(1, 2);
}

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, bool causal) {
  return at::scaled_dot_product_attention(q, k, v, {}, 0.0, causal, std::nullopt, q.size(1) != k.size(1));
}

}  // namespace

Call attention(const Array& q, const Array& k, const Array& v, const AttentionShape& s) {
  return [q = by_heads(q, s.heads, s), k = by_heads(k, s.kv_heads, s), v = by_heads(v, s.kv_heads, s)](int) {
    attend(q, k, v, true);
  };
}

Call attention_backward(const Array& q, const Array& k, const Array& v, const Array& d_out,
                        const AttentionShape& s) {
  at::Tensor queries = by_heads(q, s.heads, s), keys = by_heads(k, s.kv_heads, s),
             values = by_heads(v, s.kv_heads, s);
  for (at::Tensor* input : {&queries, &keys, &values}) input->set_requires_grad(true);
  const at::Tensor out = attend(queries, keys, values, true);
  return [queries, keys, values, out, d_out = by_heads(d_out, s.heads, s)](int) {
    torch::autograd::grad({out}, {queries, keys, values}, {d_out}, true);
  };
}

Call decode(const Array& q, const Array& k, const Array& v, int sets, const AttentionShape& s) {
  return [q = views(q, sets, {s.batch, s.heads, 1, s.head_dim}),
          k = views(k, sets, {s.batch, s.kv_heads, s.tokens, s.head_dim}),
          v = views(v, sets, {s.batch, s.kv_heads, s.tokens, s.head_dim})](int set) {
    attend(of(q, set), of(k, set), of(v, set), false);
  };
}

}  // namespace swift::gpu_bench::aten
