#include "ops/attention.h"

#include <cmath>

#include "ops/block_attention.h"
#include "ops/device_ops.h"
#include "ops/gemm.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

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
  return q.scalar_type() == at::kBFloat16 && q.size(2) % 2 == 0 && q.size(0) > 0 && has_panel_gemm();
}

const at::BFloat16* data(const Tensor& t) {
  return t.const_data_ptr<at::BFloat16>();
}

AttentionShape shape_of(const Tensor& q, const Tensor& k, const std::vector<int64_t>& cu_seqlens,
                        const std::vector<int64_t>& continues, double scale) {
  return {q.size(0), q.size(1), k.size(1), q.size(2), cu_seqlens, continues, scale};
}

// The matrix kernels of block_attention.h.
struct BlockAttentionFunction : torch::autograd::Function<BlockAttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const std::vector<int64_t>& cu_seqlens, const std::vector<int64_t>& continues,
                        double scale) {
    Tensor out = at::empty_like(q);
    Tensor log_sums = at::empty({q.size(1), q.size(0)}, at::kFloat);
    block_attention(shape_of(q, k, cu_seqlens, continues, scale), {data(q), data(k), data(v)},
                    out.data_ptr<at::BFloat16>(), log_sums.data_ptr<float>());
    ctx->save_for_backward({q, k, v, out, log_sums});
    ctx->saved_data["cu_seqlens"] = cu_seqlens;
    ctx->saved_data["continues"] = continues;
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const auto cu_seqlens = ctx->saved_data["cu_seqlens"].toIntVector();
    const auto continues = ctx->saved_data["continues"].toIntVector();
    const Tensor dout = grads[0].contiguous();
    Tensor dq = at::empty_like(q), dk = at::empty_like(k), dv = at::empty_like(v);
    block_attention_backward(
        shape_of(q, k, cu_seqlens, continues, ctx->saved_data["scale"].toDouble()),
        {data(q), data(k), data(v)}, data(saved[3]), saved[4].const_data_ptr<float>(), data(dout),
        {dq.data_ptr<at::BFloat16>(), dk.data_ptr<at::BFloat16>(), dv.data_ptr<at::BFloat16>()});
    return {dq, dk, dv, Tensor(), Tensor(), Tensor()};
  }
};

// Tokens of one segment and of the prefix that it continues.
struct Span {
  int64_t first, length, prefix_first = 0, prefix = 0;

  // The prefix's rows, then its own: (seen, heads, head_dim).
  Tensor seen(const Tensor& t) const {
    const Tensor own = t.narrow(0, first, length);
    return prefix == 0 ? own : at::cat({t.narrow(0, prefix_first, prefix), own}, 0);
  }
  // Adds rows over what is seen to their places.
  void add_to(Tensor& sum, const Tensor& rows) const {
    if (prefix > 0) sum.narrow(0, prefix_first, prefix).add_(rows.narrow(0, 0, prefix));
    sum.narrow(0, first, length).add_(rows.narrow(0, prefix, length));
  }
};

std::vector<Span> spans_of(const std::vector<int64_t>& cu_seqlens, const std::vector<int64_t>& continues) {
  std::vector<Span> spans;
  Span prefix{0, 0};
  for (size_t s = 0; s + 1 < cu_seqlens.size(); ++s) {
    Span span{cu_seqlens[s], cu_seqlens[s + 1] - cu_seqlens[s]};
    if (!continues.empty() && continues[s] != 0) {
      span.prefix_first = prefix.first, span.prefix = prefix.length;
    } else {
      prefix = span;
    }
    if (span.length > 0) spans.push_back(span);
  }
  return spans;
}

// (tokens, heads, head_dim) as (1, heads, tokens, head_dim), a view.
Tensor head_major(const Tensor& t) {
  return t.transpose(0, 1).unsqueeze(0);
}

// ATen's kernel is causal over as many queries as keys: those of the prefix run along and are not used.
struct AttentionFunction : torch::autograd::Function<AttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const std::vector<int64_t>& cu_seqlens, const std::vector<int64_t>& continues,
                        double scale) {
    const int64_t group = q.size(1) / k.size(1);
    Tensor out = at::empty_like(q);
    tensor_list saved = {q, k, v, out};
    for (const Span& span : spans_of(cu_seqlens, continues)) {
      auto [y, log_sum] = at::_scaled_dot_product_flash_attention_for_cpu(
          head_major(span.seen(q)), repeat_heads(head_major(span.seen(k)), group),
          repeat_heads(head_major(span.seen(v)), group), 0.0, true, {}, scale);
      const Tensor rows = y.squeeze(0).transpose(0, 1);
      out.narrow(0, span.first, span.length).copy_(rows.narrow(0, span.prefix, span.length));
      saved.push_back(log_sum);
      if (span.prefix > 0) saved.push_back(rows.contiguous());
    }
    ctx->save_for_backward(saved);
    ctx->saved_data["cu_seqlens"] = cu_seqlens;
    ctx->saved_data["continues"] = continues;
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const double scale = ctx->saved_data["scale"].toDouble();
    const int64_t group = q.size(1) / k.size(1);
    const Tensor dout = grads[0].contiguous();
    Tensor dq = at::zeros_like(q), dk = at::zeros_like(k), dv = at::zeros_like(v);
    size_t next = 4;
    for (const Span& span :
         spans_of(ctx->saved_data["cu_seqlens"].toIntVector(), ctx->saved_data["continues"].toIntVector())) {
      const Tensor& log_sum = saved[next++];
      Tensor out = saved[3].narrow(0, span.first, span.length);
      Tensor incoming = dout.narrow(0, span.first, span.length);
      if (span.prefix > 0) {
        out = saved[next++];
        incoming = at::zeros_like(out);
        incoming.narrow(0, span.prefix, span.length).copy_(dout.narrow(0, span.first, span.length));
      }
      const auto [gq, gk, gv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
          head_major(incoming), head_major(span.seen(q)), repeat_heads(head_major(span.seen(k)), group),
          repeat_heads(head_major(span.seen(v)), group), head_major(out), log_sum, 0.0, true, {}, scale);
      span.add_to(dq, gq.squeeze(0).transpose(0, 1));
      span.add_to(dk, sum_groups(gk, group));
      span.add_to(dv, sum_groups(gv, group));
    }
    return {dq, dk, dv, Tensor(), Tensor(), Tensor()};
  }
};

// The kernels of a GPU.
struct DeviceAttentionFunction : torch::autograd::Function<DeviceAttentionFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& q, const Tensor& k, const Tensor& v,
                        const DeviceSegments& segments, double scale) {
    const auto [out, log_sums] = device_ops(q)->attention({q, k, v, segments, scale});
    ctx->save_for_backward(
        {q, k, v, out, log_sums, segments.query_starts, segments.key_starts, segments.key_rows});
    ctx->saved_data["longest_query"] = segments.longest_query;
    ctx->saved_data["longest_key"] = segments.longest_key;
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const DeviceAttention given{saved[0],
                                saved[1],
                                saved[2],
                                {saved[5], saved[6], saved[7], ctx->saved_data["longest_query"].toInt(),
                                 ctx->saved_data["longest_key"].toInt()},
                                ctx->saved_data["scale"].toDouble()};
    auto dqkv = device_ops(saved[0])->attention_backward(given, saved[3], saved[4], grads[0].contiguous());
    dqkv.resize(5);
    return dqkv;
  }
};

}  // namespace

Tensor PackedAttention::forward(const Tensor& q, const Tensor& k, const Tensor& v,
                                const std::vector<int32_t>& cu_seqlens, double scale,
                                const std::vector<uint8_t>& continues) {
  if (const DeviceOps* device = device_ops(q)) {
    if (!device->takes_attention(q)) return plain(q, k, v, cu_seqlens, scale, continues);
    return forward(q, k, v, device_segments(cu_seqlens, continues, q.device()), scale);
  }
  const std::vector<int64_t> bounds(cu_seqlens.begin(), cu_seqlens.end());
  const std::vector<int64_t> flags(continues.begin(), continues.end());
  if (runs_blocks(q))
    return BlockAttentionFunction::apply(q.contiguous(), k.contiguous(), v.contiguous(), bounds, flags,
                                         scale);
  return AttentionFunction::apply(q.contiguous(), k.contiguous(), v.contiguous(), bounds, flags, scale);
}

Tensor PackedAttention::forward(const Tensor& q, const Tensor& k, const Tensor& v,
                                const DeviceSegments& segments, double scale) {
  return DeviceAttentionFunction::apply(q.contiguous(), k.contiguous(), v.contiguous(), segments, scale);
}

Tensor PackedAttention::plain(const Tensor& q, const Tensor& k, const Tensor& v,
                              const std::vector<int32_t>& cu_seqlens, double scale,
                              const std::vector<uint8_t>& continues) {
  const int64_t group = q.size(1) / k.size(1);
  std::vector<Tensor> parts;
  for (const Span& span :
       spans_of({cu_seqlens.begin(), cu_seqlens.end()}, {continues.begin(), continues.end()})) {
    const Tensor own = head_major(q.narrow(0, span.first, span.length));
    const Tensor scores =
        at::matmul(own, repeat_heads(head_major(span.seen(k)), group).transpose(-1, -2)) * scale;
    const Tensor hidden = at::ones({span.length, span.prefix + span.length}, q.options().dtype(at::kBool))
                              .triu(span.prefix + 1);
    const Tensor weights =
        at::softmax(scores.masked_fill(hidden, -INFINITY), -1, at::kFloat).to(q.scalar_type());
    parts.push_back(
        at::matmul(weights, repeat_heads(head_major(span.seen(v)), group)).squeeze(0).transpose(0, 1));
  }
  return at::cat(parts, 0);
}

}  // namespace swift::ops
