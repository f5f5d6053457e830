#include "quant/awq_block.h"

namespace swift::quant {
namespace {

using at::Tensor;
using model::LinearLayer;

void scale_inputs(LinearLayer& linear, const Tensor& scale) {
  linear.weight = linear.weight.to(at::kFloat) * scale.unsqueeze(0);
}

void divide_outputs(LinearLayer& linear, const Tensor& scale) {
  linear.weight = linear.weight.to(at::kFloat) / scale.unsqueeze(1);
  if (linear.bias.defined()) linear.bias = (linear.bias.to(at::kFloat) / scale).to(linear.bias.scalar_type());
}

void divide(Tensor& norm, const Tensor& scale) {
  norm = (norm.to(at::kFloat) / scale).to(norm.scalar_type());
}

}  // namespace

Tensor mean_over_queries(const Tensor& inputs, const model::AttentionSpec& attention) {
  return inputs.view({attention.kv_heads, attention.heads / attention.kv_heads, attention.head_dim})
      .mean(1)
      .flatten();
}

Tensor over_queries(const Tensor& values, const model::AttentionSpec& attention) {
  return values.view({attention.kv_heads, 1, attention.head_dim})
      .expand({attention.kv_heads, attention.heads / attention.kv_heads, attention.head_dim})
      .reshape({-1});
}

Tensor exact_for(const Tensor& norm, const Tensor& scale) {
  const Tensor whole = norm.to(at::kFloat);
  const Tensor quotient = (whole / scale).to(norm.scalar_type()).to(at::kFloat);
  const Tensor exact = whole / quotient;
  return at::where(exact.isfinite().logical_and(exact > 0), exact, scale);
}

void scale_block(model::Block& block, const model::AttentionSpec& attention, const BlockScales& scales) {
  for (LinearLayer* linear : block.linears()) linear->weight = linear->weight.to(at::kFloat);
  if (scales.attention.defined()) {
    for (LinearLayer* linear : {&block.q, &block.k, &block.v}) scale_inputs(*linear, scales.attention);
    divide(block.input_norm, scales.attention);
  }
  if (scales.values.defined()) {
    divide_outputs(block.v, scales.values);
    scale_inputs(block.o, over_queries(scales.values, attention));
  }
  const auto scale_mlp = [&](LinearLayer& gate, LinearLayer& up, LinearLayer& down, size_t index) {
    if (scales.mlp.defined()) scale_inputs(gate, scales.mlp), scale_inputs(up, scales.mlp);
    if (index >= scales.downs.size() || !scales.downs[index].defined()) return;
    divide_outputs(up, scales.downs[index]);
    scale_inputs(down, scales.downs[index]);
  };
  if (block.experts.empty()) scale_mlp(block.gate, block.up, block.down, 0);
  for (size_t e = 0; e < block.experts.size(); ++e)
    scale_mlp(block.experts[e].gate, block.experts[e].up, block.experts[e].down, e);
  if (!scales.mlp.defined()) return;
  if (block.router.defined())
    block.router = (block.router.to(at::kFloat) * scales.mlp).to(block.router.scalar_type());
  divide(block.post_attention_norm, scales.mlp);
}

}  // namespace swift::quant
