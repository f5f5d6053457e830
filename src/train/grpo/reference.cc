#include "train/grpo/reference.h"

#include "base/error.h"
#include "model/load.h"
#include "model/placement.h"

namespace swift::train::grpo {

using at::Tensor;
namespace fs = std::filesystem;

namespace {

void drop_pairs(model::Decoder& decoder) {
  for (model::LinearLayer* linear : decoder.linears()) linear->lora.reset();
  decoder.embed_lora.reset();
  decoder.head_lora.reset();
}

std::optional<model::LoraPair> starting_pair(const std::optional<model::LoraPair>& pair) {
  if (!pair) return std::nullopt;
  model::LoraPair own = *pair;
  own.a = (pair->start_a.defined() ? pair->start_a : pair->a).detach().clone();
  own.b = (pair->start_b.defined() ? pair->start_b : pair->b).detach().clone();
  own.dropout = 0;
  if (own.dora) own.dora->magnitude = own.dora->magnitude.detach().clone();
  return own;
}

// Weights that training changes though they are no low-rank pair.
bool trains_weights(const model::LoraSettings& settings) {
  return !settings.modules_to_save.empty() || settings.bias != "none" || settings.save_vocabulary;
}

model::Decoder starting_weights(const config::Task& task) {
  const auto dtype = model::parse_dtype(task.torch_dtype);
  if (!task.train_from_scratch || task.ref_model)
    return model::load_decoder(task.ref_model.value_or(task.model), dtype);
  const auto own = model::parse_dtype(model::HfConfig::read(task.model).dtype());
  return model::random_decoder(task.model, dtype ? *dtype : own.value_or(at::kFloat),
                               static_cast<uint64_t>(task.seed));
}

// The policy's own base with the reference's adapter.
model::Decoder adapted(const config::Task& task, model::Decoder& policy,
                       const model::LoraSettings& settings) {
  model::Decoder reference = policy;  // shares the tensors
  const bool pissa = model::is_pissa(settings.init);
  const bool bare = task.ref_adapters == std::vector<std::string>{"base"};
  const auto& named = !task.ref_adapters.empty() ? task.ref_adapters : task.adapters;
  if (trains_weights(settings)) {
    reference = model::load_decoder(task.model, policy.dtype());
  } else if (!pissa && !(task.sync_ref_model && named.empty())) {
    drop_pairs(reference);
  }
  if (!bare && !named.empty()) {
    if (pissa) drop_pairs(reference);
    model::load_adapter(reference, named.front());
    return reference;
  }
  if (trains_weights(settings)) return reference;
  for (model::LinearLayer* linear : reference.linears()) linear->lora = starting_pair(linear->lora);
  reference.embed_lora = starting_pair(reference.embed_lora);
  reference.head_lora = starting_pair(reference.head_lora);
  return reference;
}

}  // namespace

Reference::Reference(const config::Task& task, model::Decoder& policy, const model::LoraSettings* adapter)
    : synced_(task.sync_ref_model),
      adapter_(adapter != nullptr),
      settings_(adapter != nullptr ? *adapter : model::LoraSettings{}),
      decoder_(adapter != nullptr ? adapted(task, policy, *adapter) : starting_weights(task)) {
  if (synced_ && adapter_ && (trains_weights(settings_) || settings_.dora)) {
    throw base::Error(base::ExitCode::usage,
                      "sync_ref_model moves low-rank pairs, not DoRA, modules_to_save or lora_bias", {},
                      "leave sync_ref_model out, or train with tuner_type: full");
  }
  if (synced_ && !adapter_) {
    decoder_.visit([](const std::string& /*name*/, Tensor& weight) { weight = weight.detach().clone(); });
    if (decoder_.spec.tied_embeddings) decoder_.lm_head = decoder_.embed_tokens;
  }
  model::move_to(decoder_, model::device_of(policy));
  model::refresh_norms(decoder_);
}

model::NamedTensors Reference::own_tensors() const {
  auto& decoder = const_cast<model::Decoder&>(decoder_);
  return adapter_ ? model::adapter_tensors(decoder, settings_) : decoder.weights();
}

void Reference::sync(model::Decoder& policy, double alpha) {
  const at::NoGradGuard no_grad;
  const auto trained = adapter_ ? model::adapter_tensors(policy, settings_) : policy.weights();
  auto own = own_tensors();
  for (size_t i = 0; i < own.size() && i < trained.size(); ++i)
    own[i].second.detach().lerp_(trained[i].second.detach().to(own[i].second.scalar_type()), alpha);
}

void Reference::save(const fs::path& checkpoint) const {
  if (synced_) model::save_safetensors(checkpoint / "reference.safetensors", own_tensors());
}

void Reference::load(const fs::path& checkpoint) {
  if (!synced_) return;
  const at::NoGradGuard no_grad;
  const auto files = model::TensorFiles::from_file(checkpoint / "reference.safetensors");
  for (auto& [name, tensor] : own_tensors()) tensor.detach().copy_(files.get(name));
}

}  // namespace swift::train::grpo
