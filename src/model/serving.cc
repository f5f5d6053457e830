#include "model/serving.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/format.h"
#include "model/adapter.h"
#include "model/placement.h"
#include "ops/code_panels.h"
#include "ops/device_ops.h"
#include "ops/int4_weight.h"
#include "ops/int8_codes.h"
#include "ops/line_memory.h"
#include "ops/packed_weight.h"

namespace swift::model {
namespace {

void require_plain(Decoder& adapted, const LoraSettings& settings, const std::filesystem::path& directory) {
  const bool vocabulary = settings.save_vocabulary || adapted.embed_lora || adapted.head_lora;
  const std::array<std::pair<const char*, bool>, 4> faults = {{
      {"DoRA", settings.dora},
      {"modules_to_save", !settings.modules_to_save.empty()},
      {"trained biases", settings.bias != "none"},
      {"an update of the vocabulary", vocabulary},
  }};
  const auto found = std::find_if(faults.begin(), faults.end(), [](const auto& f) { return f.second; });
  if (found == faults.end()) return;
  throw base::Error(
      base::ExitCode::model,
      base::cat("the adapter has ", found->first, ", which cannot share a base with other adapters"),
      {directory.string()}, "merge it with swift export --merge_lora true and serve the result");
}

ServedPair laid_out(const LoraPair& pair, const at::Tensor& like) {
  const at::ScalarType type = like.scalar_type();
  return {ops::pack_weight(pair.a.to(like.device(), type)), ops::pack_weight(pair.b.to(like.device(), type)),
          pair.scale};
}

// An attached adapter becomes what rows without another one use; forms that are no plain pair are merged.
void own_adapter_to_rows(Decoder& decoder) {
  bool plain = !decoder.embed_lora && !decoder.head_lora;
  for (LinearLayer* linear : decoder.linears()) plain = plain && !(linear->lora && linear->lora->dora);
  if (!plain) return merge_adapter(decoder);
  for (LinearLayer* linear : decoder.linears()) {
    if (!linear->lora) continue;
    linear->served[kOwnAdapter] = laid_out(*linear->lora, decoder.embed_tokens);
    linear->lora.reset();
  }
}

// The codes of a weight in the order that reads fastest, or null: it stays as it is.
ops::QuantizedPtr laid_out_codes(const ops::QuantizedWeight& weight, const ServingForm& form,
                                 ops::LineMemory& memory) {
  if (weight.device() != at::kCPU) return {};
  const auto lay_out = [&](const ops::GroupedCodes& codes) {
    return ops::can_lay_out(codes)
               ? ops::lay_out_codes(codes, weight.compute_type(), memory, form.int8_activations)
               : ops::QuantizedPtr();
  };
  if (const auto* grouped = dynamic_cast<const ops::Int4Weight*>(&weight)) return lay_out(grouped->stored());
  if (const auto* fp8 = dynamic_cast<const ops::Fp8Weight*>(&weight)) return ops::lay_out_fp8(*fp8, memory);
  const auto* rows = dynamic_cast<const ops::Int8Weight*>(&weight);
  return rows != nullptr && ops::has_row_groups(*rows) ? lay_out(ops::grouped(*rows)) : ops::QuantizedPtr();
}

// A weight of a linear in the form that reads fastest: those of 4-bit blocks stay as they are.
void lay_out(LinearLayer& linear, const ServingForm& form, ops::LineMemory& memory) {
  if (!linear.quantized) return linear.keep_quantized(ops::pack_weight(linear.weight));
  if (auto codes = laid_out_codes(*linear.quantized, form, memory)) linear.keep_quantized(std::move(codes));
}

void join(at::Tensor& whole, const std::vector<at::Tensor*>& parts) {
  int64_t first = 0;
  for (at::Tensor* part : parts) {
    const int64_t rows = part->size(0);
    *part = whole.narrow(0, first, rows);
    first += rows;
  }
}

// On a device, layers with one input read it once: their weights come to lie one behind the other.
void join(const std::vector<LinearLayer*>& layers) {
  std::vector<at::Tensor*> weights, biases;
  std::vector<at::Tensor> values, shifts;
  for (LinearLayer* layer : layers) {
    if (layer->quantized) return;
    weights.push_back(&layer->weight);
    values.push_back(layer->weight);
    if (!layer->bias.defined()) continue;
    biases.push_back(&layer->bias);
    shifts.push_back(layer->bias);
  }
  at::Tensor whole = at::cat(values, 0);
  join(whole, weights);
  if (biases.size() != layers.size()) return;
  at::Tensor shift = at::cat(shifts, 0);
  join(shift, biases);
}

// Experts whose linears are whole and carry no update of their own.
bool can_join(Block& block, const MoeSpec& spec) {
  for (Expert& expert : block.experts) {
    for (const LinearLayer* linear : {&expert.gate, &expert.up, &expert.down})
      if (linear->quantized || linear->bias.defined() || !linear->served.empty()) return false;
  }
  const at::Tensor& gate = block.experts.front().gate.weight;
  return ops::device_ops(gate)->takes_experts(gate.scalar_type(), spec.experts, gate.size(1), gate.size(0),
                                              spec.per_token);
}

void join_experts(Block& block, const MoeSpec& spec) {
  if (!can_join(block, spec)) return;
  std::vector<at::Tensor> gate_up, down;
  std::vector<at::Tensor*> halves, downs;
  for (Expert& expert : block.experts) {
    for (LinearLayer* linear : {&expert.gate, &expert.up}) {
      gate_up.push_back(linear->weight);
      halves.push_back(&linear->weight);
    }
    down.push_back(expert.down.weight);
    downs.push_back(&expert.down.weight);
  }
  at::Tensor first = at::cat(gate_up, 0), second = at::cat(down, 0);
  gate_up.clear(), down.clear();
  join(first, halves);
  join(second, downs);
  const auto experts = static_cast<int64_t>(block.experts.size());
  block.joined_experts = {first.view({experts, -1, first.size(1)}),
                          second.view({experts, -1, second.size(1)}), spec.per_token, spec.norm_topk_prob};
}

void join_layers(Decoder& decoder) {
  for (Block& block : decoder.blocks) {
    join({&block.q, &block.k, &block.v});
    if (block.experts.empty()) {
      join({&block.gate, &block.up});
    } else {
      join_experts(block, decoder.spec.moe);
    }
  }
}

constexpr const char* kHead = "lm_head";

ops::QuantizedPtr laid_out_head(const at::Tensor& weight, const ServingForm& form, ops::LineMemory& memory) {
  if (!form.int8_head) return ops::pack_weight(weight);
  if (form.cache) {
    if (auto found = form.cache->find(kHead, weight.sizes(), weight.scalar_type())) return found;
  }
  return ops::lay_out_codes(ops::int8_codes(weight), weight.scalar_type(), memory, form.int8_activations);
}

void write_cache(Decoder& decoder, const LayoutCache& cache) {
  std::vector<std::pair<std::string, ops::QuantizedPtr>> weights;
  for (LinearLayer* linear : decoder.linears()) weights.emplace_back(linear->name, linear->quantized);
  if (decoder.packed_head) weights.emplace_back(kHead, decoder.packed_head);
  cache.write(weights);
}

void require_grouped(Decoder& decoder) {
  for (LinearLayer* linear : decoder.linears()) {
    const ops::QuantizedWeight* weight = linear->quantized.get();
    if (weight == nullptr) continue;
    if (dynamic_cast<const ops::Int4Weight*>(weight) != nullptr || ops::parts_of(*weight) != nullptr) return;
  }
  throw base::Error(base::ExitCode::usage,
                    "cpu_act: int8 is for AWQ and GPTQ weights, and this model has none", {},
                    "leave cpu_act out, or quantize the model with swift export --quant_method awq");
}

}  // namespace

void lay_out_for_serving(Decoder& decoder, const ServingForm& form) {
  own_adapter_to_rows(decoder);
  if (form.int8_activations) require_grouped(decoder);
  if (device_of(decoder) != at::kCPU) join_layers(decoder);
  ops::LineMemory memory;
  for (LinearLayer* linear : decoder.linears()) lay_out(*linear, form, memory);
  for (Block& block : decoder.blocks) {
    if (block.router.defined()) block.packed_router = ops::pack_weight(block.router);
  }
  if (!decoder.head_lora) decoder.packed_head = laid_out_head(decoder.lm_head, form, memory);
  if (form.cache && form.cache->missing()) write_cache(decoder, *form.cache);
}

Decoder laid_out_beside(Decoder& trained) {
  Decoder served = trained;  // shares the tensors
  ops::LineMemory memory;
  for (LinearLayer* linear : served.linears()) {
    // 8-bit rows may be trained in place: those are read as they are.
    if (!linear->quantized || dynamic_cast<const ops::Int4Weight*>(linear->quantized.get()) != nullptr)
      lay_out(*linear, {}, memory);
  }
  for (Block& block : served.blocks) {
    if (block.router.defined()) block.packed_router = ops::pack_weight(block.router);
  }
  if (!served.head_lora) served.packed_head = ops::pack_weight(served.lm_head);
  refresh_norms(served);
  return served;
}

void follow_weights(Decoder& served, Decoder& trained) {
  const auto to = served.linears(), from = trained.linears();
  for (size_t i = 0; i < to.size(); ++i) {
    to[i]->lora = from[i]->lora;
    to[i]->bias = from[i]->bias;
    if (from[i]->weight.requires_grad() && !from[i]->quantized)
      to[i]->keep_quantized(ops::pack_weight(from[i]->weight));
  }
  for (size_t i = 0; i < served.blocks.size(); ++i) {
    const at::Tensor& router = trained.blocks[i].router;
    if (router.defined() && router.requires_grad()) served.blocks[i].packed_router = ops::pack_weight(router);
  }
  served.embed_lora = trained.embed_lora;
  served.head_lora = trained.head_lora;
  if (!served.head_lora && trained.lm_head.requires_grad())
    served.packed_head = ops::pack_weight(trained.lm_head);
  refresh_norms(served);
}

void serve_adapter(Decoder& decoder, const std::filesystem::path& directory, int32_t index) {
  Decoder adapted = decoder;  // shares the tensors
  for (LinearLayer* linear : adapted.linears()) linear->lora.reset();
  const LoraSettings settings = load_adapter(adapted, directory);
  require_plain(adapted, settings, directory);
  const auto from = adapted.linears(), to = decoder.linears();
  for (size_t i = 0; i < from.size(); ++i) {
    if (!from[i]->lora) continue;
    to[i]->served[index] = laid_out(*from[i]->lora, decoder.embed_tokens);
  }
}

void drop_adapter(Decoder& decoder, int32_t index) {
  for (LinearLayer* linear : decoder.linears()) linear->served.erase(index);
}

}  // namespace swift::model
