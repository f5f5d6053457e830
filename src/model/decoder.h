// The decoder that every supported family is an instance of: embeddings, pre-norm blocks of attention and
// gated MLP, final norm. Training and serving run this same code; only the AttentionContext differs.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "model/attention_context.h"
#include "model/experts.h"
#include "model/linear_layer.h"
#include "model/rope_table.h"
#include "model/safetensors.h"
#include "model/spec.h"
#include "ops/device_experts.h"

namespace swift::ops {
class DeviceOps;
}

namespace swift::model {

class ActivationStore;

struct Block {
  LinearLayer q, k, v, o;  // (heads * head_dim | kv_heads * head_dim, hidden), o (hidden, heads * head_dim)
  LinearLayer gate, up, down;            // (intermediate, hidden), down (hidden, intermediate)
  std::vector<Expert> experts;           // instead of gate, up and down; empty: dense
  at::Tensor router;                     // (experts, hidden), or undefined
  ops::QuantizedPtr packed_router = {};  // the same laid out for serving, or null
  std::optional<ops::JoinedExperts> joined_experts = {};  // those of a device that serves
  at::Tensor input_norm;                                  // (hidden)
  at::Tensor post_attention_norm;                         // (hidden)
  at::Tensor q_norm, k_norm;                              // (head_dim) or undefined

  std::vector<LinearLayer*> linears();
};

// Settings of one forward pass.
struct Pass {
  ops::DropoutKey dropout_key = {};       // none: evaluation
  bool recompute = false;                 // keep only block inputs, run each block again in the backward pass
  double neftune_alpha = 0;               // size of the noise on the embeddings; 0: none
  RouterBalance* balance = nullptr;       // auxiliary loss of the routers; null: none
  ActivationStore* offload = nullptr;     // with recompute: keeps the block inputs; null: memory does
  int64_t mlp_tile = 0;                   // tokens that pass the MLP at a time, recomputed; 0: all
  const RowAdapters* adapters = nullptr;  // rows that ask for served adapters; without autograd
};

// Factors of the logits, h · w^T: with a low-rank update of the head both are wider by its rank.
struct HeadOperands {
  at::Tensor h;  // (tokens, hidden [+ rank])
  at::Tensor w;  // (vocab, hidden [+ rank])
};

class Decoder {
 public:
  ModelSpec spec;
  at::Tensor embed_tokens;  // (vocab, hidden)
  std::vector<Block> blocks;
  at::Tensor norm;     // (hidden)
  at::Tensor lm_head;  // (vocab, hidden); the same tensor as embed_tokens when tied
  at::Tensor score;    // (1, hidden): a reward model's value head, in place of lm_head; else undefined

  ops::QuantizedPtr packed_head = {};  // lm_head laid out for serving, or null

  std::optional<LoraPair> embed_lora;  // a (rank, vocab), b (hidden, rank): the table gains scale · (B · A)^T
  std::optional<LoraPair> head_lora;  // a (rank, hidden), b (vocab, rank)

  // ids (tokens) int64 to their embeddings (tokens, hidden).
  at::Tensor embed(const at::Tensor& ids) const;
  // Differentiable in hidden (tokens, hidden) and in the update. Without a key: evaluation.
  HeadOperands head_operands(const at::Tensor& hidden, const ops::DropoutKey& dropout_key = {}) const;
  // fp32 (tokens, vocab), without autograd.
  at::Tensor logits(const at::Tensor& hidden) const;

  // ids, positions (tokens) to hidden states after the final norm (tokens, hidden). With pass.recompute,
  // `attention` must outlive the backward pass.
  at::Tensor hidden_states(const std::vector<int32_t>& ids, const std::vector<int32_t>& positions,
                           AttentionContext& attention, const Pass& pass = {}) const;

  // The same for ids (tokens) int64 that lie where the weights do, with their rope table, without noise.
  at::Tensor hidden_states(const at::Tensor& ids, const RopeTable& rope, AttentionContext& attention,
                           const Pass& pass = {}) const;

  // Every weight under its Hugging Face name, in the file order of transformers. A tied head is left out.
  NamedTensors weights() const;
  // Applies f(name, tensor reference) to every weight, in the same order.
  template <class F>
  void visit(F&& f);

  // All linears but the output head, in layer order.
  std::vector<LinearLayer*> linears();
  at::ScalarType dtype() const { return embed_tokens.scalar_type(); }

  // The parts of a block: normed inputs (tokens, hidden) to what o_proj takes (tokens, heads * head_dim), and
  // normed inputs of the MLP to its output.
  at::Tensor mix_tokens(int64_t index, const at::Tensor& x, const RopeTable& rope,
                        AttentionContext& attention, const Pass& pass) const;
  at::Tensor run_mlp(int64_t index, const at::Tensor& y, const Pass& pass) const;

 private:
  at::Tensor run_blocks(at::Tensor h, const RopeTable& rope, AttentionContext& attention,
                        const Pass& pass) const;
  // run_blocks() on a device without gradients: sums and norms in one, h in place.
  at::Tensor serve_blocks(at::Tensor h, const RopeTable& rope, AttentionContext& attention, const Pass& pass,
                          const ops::DeviceOps& device) const;
  at::Tensor run_block(int64_t index, const at::Tensor& h, const RopeTable& rope, AttentionContext& attention,
                       const Pass& pass) const;
};

template <class F>
void Decoder::visit(F&& f) {
  f("model.embed_tokens.weight", embed_tokens);
  for (size_t i = 0; i < blocks.size(); ++i) {
    Block& block = blocks[i];
    const std::string prefix = "model.layers." + std::to_string(i) + ".";
    f(prefix + "input_layernorm.weight", block.input_norm);
    f(prefix + "post_attention_layernorm.weight", block.post_attention_norm);
    if (block.router.defined()) f(prefix + "mlp.gate.weight", block.router);
    for (LinearLayer* linear : block.linears()) {
      f(linear->name + ".weight", linear->weight);
      if (linear->bias.defined()) f(linear->name + ".bias", linear->bias);
    }
    if (block.q_norm.defined()) f(prefix + "self_attn.q_norm.weight", block.q_norm);
    if (block.k_norm.defined()) f(prefix + "self_attn.k_norm.weight", block.k_norm);
  }
  f("model.norm.weight", norm);
  if (score.defined()) {
    f("score.weight", score);
  } else if (!spec.tied_embeddings) {
    f("lm_head.weight", lm_head);
  }
}

}  // namespace swift::model
