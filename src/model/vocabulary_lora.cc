// The decoder's two ends, where low-rank updates of the embeddings and of the output head come in.
#include "model/decoder.h"
#include "ops/embedding.h"
#include "ops/linear.h"

namespace swift::model {

using at::Tensor;

Tensor Decoder::embed(const Tensor& ids) const {
  const Tensor h = ops::Embedding::forward(embed_tokens, ids);
  if (!embed_lora) return h;
  const Tensor low = ops::Embedding::forward(embed_lora->a.t(), ids);  // (tokens, rank)
  const Tensor update = at::mm(low, embed_lora->b.t()) * embed_lora->scale;
  return h + update.to(h.scalar_type());
}

HeadOperands Decoder::head_operands(const Tensor& hidden, const ops::DropoutKey& dropout_key) const {
  if (!head_lora) return {hidden, lm_head};
  const LoraPair& pair = *head_lora;
  const bool drop = !dropout_key.none() && pair.dropout > 0;
  const Tensor in =
      drop ? hidden * ops::keyed_dropout(at::ones_like(hidden), pair.dropout, dropout_key + pair.id) : hidden;
  const Tensor low = at::linear(in, pair.a.to(hidden.scalar_type())) * pair.scale;  // (tokens, rank)
  return {at::cat({hidden, low}, 1), at::cat({lm_head, pair.b.to(lm_head.scalar_type())}, 1)};
}

Tensor Decoder::logits(const Tensor& hidden) const {
  const at::NoGradGuard no_grad;
  const Tensor y = packed_head ? packed_head->logits(hidden) : ops::logits(hidden, lm_head);
  if (!head_lora) return y;
  const Tensor low = at::linear(hidden.to(at::kFloat), head_lora->a);
  return y + at::linear(low, head_lora->b) * head_lora->scale;
}

}  // namespace swift::model
