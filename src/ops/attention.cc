#include "ops/attention.h"

#include <cmath>

#include "ops/block_attention.h"
#include "ops/gemm.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// (tokens, heads, head_dim) of one sample as (1, heads, tokens, head_dim), a view.
Tensor head_major(const Tensor& t, int64_t first, int64_t length) {
  return t.narrow(0, first, length).transpose(0, 1).unsqueeze(0);
}

// Every query head gets its key head: (1, kv_heads, tokens, head_dim) to (1, heads, tokens, head_dim).
Tensor repeat_heads(const Tensor& t, int64_t group) {
  if (group == 1) return t;
  return t.unsqueeze(2)
      .expand({1, t.size(1), group, t.size(2), t.size(3)})
      .reshape({1, t.size(1) * group, t.size(2), t.size(3)});
}

// The gradient of repeat_heads: sums over each group of query heads. Returns (tokens, kv_heads, head_dim).
Tensor sum_groups(const Tensor& t, int64_t group) {
  const Tensor summed =
      group == 1 ? t.squeeze(0) : t.view({t.size(1) / group, group, t.size(2), t.size(3)}).sum(1);
  return summed.transpose(0, 1);
}

bool runs_blocks(const Tensor& q) {
  return q.scalar_type() == at::kBFloat16 && q.is_cpu() && q.size(2) % 2 == 0 && q.size(0) > 0 &&
         has_panel_gemm();
}

const at::BFloat16* data(const Tensor& t) {
  return t.const_data_ptr<at::BFloat16>();
}

AttentionShape shape_of(const Tensor& q, const Tensor& k, const std::vector<int64_t>& cu_seqlens,
                        double scale) {
  return {q.size(0), q.size(1), k.size(1), q.size(2), cu_seqlens, scale};
}

// The matrix kernels of block_attention.h.
struct BlockAttentionFunction : torch::autograd::Function<BlockAttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const std::vector<int64_t>& cu_seqlens, double scale) {
    Tensor out = at::empty_like(q);
    Tensor log_sums = at::empty({q.size(1), q.size(0)}, at::kFloat);
    block_attention(shape_of(q, k, cu_seqlens, scale), {data(q), data(k), data(v)},
                    out.data_ptr<at::BFloat16>(), log_sums.data_ptr<float>());
    ctx->save_for_backward({q, k, v, out, log_sums});
    ctx->saved_data["cu_seqlens"] = cu_seqlens;
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const auto cu_seqlens = ctx->saved_data["cu_seqlens"].toIntVector();
    const Tensor dout = grads[0].contiguous();
    Tensor dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
    block_attention_backward(
        shape_of(q, k, cu_seqlens, ctx->saved_data["scale"].toDouble()), {data(q), data(k), data(v)},
        data(saved[3]), saved[4].const_data_ptr<float>(), data(dout),
        {dq.data_ptr<at::BFloat16>(), dk.data_ptr<at::BFloat16>(), dv.data_ptr<at::BFloat16>()});
    return {dq, dk, dv, Tensor(), Tensor()};
  }
};

struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const std::vector<int64_t>& cu_seqlens, double scale) {
    const int64_t group = q.size(1) / k.size(1);
    Tensor out = at::empty_like(q);
    std::vector<Tensor> log_sums;  // per sample (1, heads, tokens) or as the kernel lays it
    for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
      const int64_t first = cu_seqlens[s], length = cu_seqlens[s + 1] - first;
      auto [y, log_sum] = at::_scaled_dot_product_flash_attention_for_cpu(
          head_major(q, first, length), repeat_heads(head_major(k, first, length), group),
          repeat_heads(head_major(v, first, length), group), 0.0, true, {}, scale);
      out.narrow(0, first, length).copy_(y.squeeze(0).transpose(0, 1));
      log_sums.push_back(log_sum);
    }
    tensor_list saved = {q, k, v, out};
    saved.insert(saved.end(), log_sums.begin(), log_sums.end());
    ctx->save_for_backward(saved);
    ctx->saved_data["cu_seqlens"] = cu_seqlens;
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3];
    const auto cu_seqlens = ctx->saved_data["cu_seqlens"].toIntVector();
    const double scale = ctx->saved_data["scale"].toDouble();
    const int64_t group = q.size(1) / k.size(1);
    const Tensor dout = grads[0].contiguous();
    Tensor dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
    for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
      const int64_t first = cu_seqlens[s], length = cu_seqlens[s + 1] - first;
      const auto [gq, gk, gv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          head_major(dout, first, length), head_major(q, first, length),
          repeat_heads(head_major(k, first, length), group),
          repeat_heads(head_major(v, first, length), group), head_major(out, first, length), saved[4 + s],
          0.0, true, {}, scale);
      dq.narrow(0, first, length).copy_(gq.squeeze(0).transpose(0, 1));
      dk.narrow(0, first, length).copy_(sum_groups(gk, group));
      dv.narrow(0, first, length).copy_(sum_groups(gv, group));
    }
    return {dq, dk, dv, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor PackedAttention::forward(const Tensor& q, const Tensor& k, const Tensor& v,
                                const std::vector<int32_t>& cu_seqlens, double scale) {
  const std::vector<int64_t> bounds(cu_seqlens.begin(), cu_seqlens.end());
  if (runs_blocks(q))
    return BlockAttentionFunction::apply(q.contiguous(), k.contiguous(), v.contiguous(), bounds, scale);
  return AttentionFunction::apply(q.contiguous(), k.contiguous(), v.contiguous(), bounds, scale);
}

Tensor PackedAttention::plain(const Tensor& q, const Tensor& k, const Tensor& v,
                              const std::vector<int32_t>& cu_seqlens, double scale) {
  const int64_t group = q.size(1) / k.size(1);
  std::vector<Tensor> parts;
  for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
    const int64_t first = cu_seqlens[s], length = cu_seqlens[s + 1] - first;
    const Tensor scores = at::matmul(head_major(q, first, length),
                                     repeat_heads(head_major(k, first, length), group).transpose(-1, -2)) *
                          scale;
    const Tensor hidden = at::ones({length, length}, q.options().dtype(at::kBool)).triu(1);
    const Tensor weights =
        at::softmax(scores.masked_fill(hidden, -INFINITY), -1, at::kFloat).to(q.scalar_type());
    parts.push_back(
        at::matmul(weights, repeat_heads(head_major(v, first, length), group)).squeeze(0).transpose(0, 1));
  }
  return at::cat(parts, 0);
}

}  // namespace swift::ops
