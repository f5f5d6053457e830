#include "quant/block_file.h"

#include <algorithm>

#include "base/format.h"
#include "ops/int4_weight.h"

namespace swift::quant {
namespace {

using at::Tensor;

// Applies f(name, tensor) to what of a block is no linear.
template <class F>
void for_vectors(model::Block& block, int64_t index, const F& f) {
  const std::string prefix = base::cat("model.layers.", index, ".");
  f(prefix + "input_layernorm.weight", block.input_norm);
  f(prefix + "post_attention_layernorm.weight", block.post_attention_norm);
  if (block.router.defined()) f(prefix + "mlp.gate.weight", block.router);
  if (block.q_norm.defined()) f(prefix + "self_attn.q_norm.weight", block.q_norm);
  if (block.k_norm.defined()) f(prefix + "self_attn.k_norm.weight", block.k_norm);
}

void append_packed(model::NamedTensors& tensors, const PackedLinear& packed, const model::PackedForm& form) {
  const std::string& name = packed.linear->name;
  if (form.kind == model::PackedForm::Kind::fp8) {
    const auto& weight = dynamic_cast<const ops::Fp8Weight&>(*packed.weight);
    tensors.emplace_back(name + ".weight", weight.codes());
    tensors.emplace_back(name + ".weight_scale_inv", weight.factors());
    return;
  }
  const auto& weight = dynamic_cast<const ops::Int4Weight&>(*packed.weight);
  for (auto& tensor : model::packed_tensors(name, weight.stored(), form))
    tensors.push_back(std::move(tensor));
}

}  // namespace

model::NamedTensors block_tensors(const BlockJob& job) {
  model::NamedTensors tensors;
  for_vectors(job.block(), job.index,
              [&](const std::string& name, const Tensor& t) { tensors.emplace_back(name, t); });
  for (model::LinearLayer* linear : job.block().linears()) {
    const auto packed = std::find_if(job.packed.begin(), job.packed.end(),
                                     [&](const PackedLinear& p) { return p.linear == linear; });
    if (packed == job.packed.end()) {
      tensors.emplace_back(linear->name + ".weight", linear->weight);
    } else {
      append_packed(tensors, *packed, job.settings.form);
    }
    if (linear->bias.defined()) tensors.emplace_back(linear->name + ".bias", linear->bias);
  }
  return tensors;
}

void read_block(model::Decoder& decoder, int64_t index, const model::TensorFiles& files,
                const model::PackedForm& form) {
  model::Block& block = decoder.blocks[static_cast<size_t>(index)];
  const at::ScalarType type = decoder.dtype();
  for_vectors(block, index, [&](const std::string& name, Tensor& t) { t = files.get(name).to(type); });
  for (model::LinearLayer* linear : block.linears()) {
    linear->weight =
        model::is_packed(files, linear->name, form)
            ? model::read_packed(files, linear->name, linear->weight.sizes(), form, type)->unpack(type)
            : files.get(linear->name + ".weight").to(type);
    if (linear->bias.defined()) linear->bias = files.get(linear->name + ".bias").to(type);
  }
}

}  // namespace swift::quant
