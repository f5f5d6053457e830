#include "base/format.h"
#include "base/log.h"
#include "model/rope_table.h"
#include "quant/gguf/architecture.h"

namespace swift::quant::gguf {
namespace {

using at::Tensor;
using base::cat;
using model::LinearLayer;

// transformers rotates value i of a head with value i + head_dim / 2, llama.cpp's "llama" neighbours: rows
// change from (head, half, i) to (head, i, half). rows (heads * head_dim, …).
Tensor neighbouring(const Tensor& rows, int64_t head_dim) {
  const Tensor dense = rows.contiguous();
  const int64_t heads = dense.size(0) / head_dim;
  return dense.view({heads, 2, head_dim / 2, -1}).transpose(1, 2).reshape(dense.sizes());
}

class Collector {
 public:
  Collector(const model::Decoder& decoder, FileType type)
      : decoder_(decoder), type_(type), permutes_(architecture_of(decoder.spec) == "llama") {}

  std::vector<TensorEntry> run() {
    const model::ModelSpec& spec = decoder_.spec;
    if (spec.rope.type == model::RopeSpec::Type::llama3) whole("rope_freqs.weight", rope_factors());
    const bool tied = spec.tied_embeddings;
    matrix("token_embd.weight", tied ? Role::output : Role::other, 0, decoder_.embed_tokens.sizes().vec(),
           {[table = decoder_.embed_tokens] { return table; }});
    for (int64_t layer = 0; layer < spec.layers; ++layer) block(layer);
    whole("output_norm.weight", decoder_.norm);
    if (!tied)
      matrix("output.weight", Role::output, 0, decoder_.lm_head.sizes().vec(),
             {[table = decoder_.lm_head] { return table; }});
    if (fallbacks_ > 0) {
      base::log::warn(cat(fallbacks_, " matrices have rows that are no multiple of the block of ",
                          name_of(type_), "; they get the types that llama-quantize falls back to"));
    }
    return std::move(entries_);
  }

 private:
  // What divides the frequencies of llama3 scaling, (head_dim / 2).
  Tensor rope_factors() const {
    model::RopeSpec plain = decoder_.spec.rope;
    plain.type = model::RopeSpec::Type::plain;
    const int64_t head_dim = decoder_.spec.attention.head_dim;
    const auto from = model::inverse_frequencies(plain, head_dim);
    const auto to = model::inverse_frequencies(decoder_.spec.rope, head_dim);
    Tensor factors = at::empty({static_cast<int64_t>(from.size())}, at::kFloat);
    for (size_t i = 0; i < from.size(); ++i) factors[static_cast<int64_t>(i)] = from[i] / to[i];
    return factors;
  }

  // A tensor that stays in fp32: norms, biases, routers.
  void whole(const std::string& name, const Tensor& values) {
    entries_.push_back({name, values.sizes().vec(), TensorType::f32, {[values] { return values; }}});
  }

  void matrix(const std::string& name, Role role, int64_t layer, std::vector<int64_t> sizes,
              std::vector<std::function<Tensor()>> parts) {
    const int64_t layers = decoder_.spec.layers, columns = sizes.back();
    if (falls_back(type_, role, columns, layer, layers)) ++fallbacks_;
    entries_.push_back(
        {name, std::move(sizes), matrix_type(type_, role, columns, layer, layers), std::move(parts)});
  }

  // head_dim: of rows to permute, or 0.
  void linear(const std::string& name, Role role, int64_t layer, const LinearLayer& from,
              int64_t head_dim = 0) {
    const auto laid_out = [head_dim](const Tensor& rows) {
      return head_dim > 0 ? neighbouring(rows, head_dim) : rows;
    };
    matrix(name + ".weight", role, layer, from.weight.sizes().vec(),
           {[&from, laid_out] { return laid_out(from.full_weight()); }});
    if (from.bias.defined()) whole(name + ".bias", laid_out(from.bias));
  }

  void experts(const std::string& name, Role role, int64_t layer, LinearLayer model::Expert::*member) {
    const model::Block& block = decoder_.blocks[static_cast<size_t>(layer)];
    std::vector<std::function<Tensor()>> parts;
    for (const model::Expert& expert : block.experts)
      parts.emplace_back([&expert, member] { return (expert.*member).full_weight(); });
    std::vector<int64_t> sizes = (block.experts.front().*member).weight.sizes().vec();
    sizes.insert(sizes.begin(), static_cast<int64_t>(parts.size()));
    matrix(name + ".weight", role, layer, std::move(sizes), std::move(parts));
  }

  void block(int64_t layer) {
    const model::Block& block = decoder_.blocks[static_cast<size_t>(layer)];
    const std::string prefix = cat("blk.", layer, ".");
    const int64_t head_dim = permutes_ ? decoder_.spec.attention.head_dim : 0;
    whole(prefix + "attn_norm.weight", block.input_norm);
    linear(prefix + "attn_q", Role::other, layer, block.q, head_dim);
    linear(prefix + "attn_k", Role::other, layer, block.k, head_dim);
    linear(prefix + "attn_v", Role::attention_v, layer, block.v);
    linear(prefix + "attn_output", Role::other, layer, block.o);
    if (block.q_norm.defined()) {
      whole(prefix + "attn_q_norm.weight", block.q_norm);
      whole(prefix + "attn_k_norm.weight", block.k_norm);
    }
    whole(prefix + "ffn_norm.weight", block.post_attention_norm);
    if (block.router.defined()) {
      whole(prefix + "ffn_gate_inp.weight", block.router);
      experts(prefix + "ffn_gate_exps", Role::other, layer, &model::Expert::gate);
      experts(prefix + "ffn_up_exps", Role::other, layer, &model::Expert::up);
      experts(prefix + "ffn_down_exps", Role::ffn_down, layer, &model::Expert::down);
      return;
    }
    linear(prefix + "ffn_gate", Role::other, layer, block.gate);
    linear(prefix + "ffn_up", Role::other, layer, block.up);
    linear(prefix + "ffn_down", Role::ffn_down, layer, block.down);
  }

  const model::Decoder& decoder_;
  FileType type_;
  bool permutes_;
  int64_t fallbacks_ = 0;
  std::vector<TensorEntry> entries_;
};

}  // namespace

std::vector<TensorEntry> tensors_of(const model::Decoder& decoder, FileType type) {
  return Collector(decoder, type).run();
}

}  // namespace swift::quant::gguf
