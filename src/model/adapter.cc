#include "model/adapter.h"

#include <algorithm>

#include "model/adapter_init.h"
#include "model/adapter_parts.h"
#include "model/pattern.h"
#include "model/value_head.h"
#include "model/vocabulary_adapter.h"

namespace swift::model {
using at::Tensor;
using base::ExitCode;
namespace {

// A pattern that no targeted module has would silently leave the defaults in force.
template <class T>
void check_patterns(const char* setting, const Patterns<T>& patterns, const std::vector<std::string>& names) {
  for (const auto& [pattern, value] : patterns) {
    const std::string whole = name_pattern(pattern);
    const bool hit =
        std::any_of(names.begin(), names.end(), [&](const auto& name) { return matches_fully(whole, name); });
    if (!hit) refuse_target(setting, pattern, names, "the targeted modules are");
  }
}

Tensor owned(const Tensor& weight) {
  return weight.detach().clone();
}

}  // namespace

Tensor& saved_module(Decoder& decoder, const std::string& name) {
  if (has_suffix("lm_head", name)) return decoder.lm_head;
  if (has_suffix("model.embed_tokens", name)) return decoder.embed_tokens;
  throw base::Error(ExitCode::usage, "modules_to_save: '" + name + "' is not supported", {},
                    "supported: lm_head, embed_tokens");
}

std::string saved_name(const std::string& name) {
  return std::string(kPeftPrefix) + (has_suffix("lm_head", name) ? "lm_head" : "model.embed_tokens") +
         ".weight";
}

bool trains_bias(const LinearLayer& linear, const LoraSettings& settings) {
  if (!linear.bias.defined()) return false;
  return settings.bias == "all" || (settings.bias == "lora_only" && linear.lora);
}

void own_trained_weights(Decoder& decoder, const LoraSettings& settings) {
  for (LinearLayer* linear : decoder.linears()) {
    if (trains_bias(*linear, settings)) linear->bias = owned(linear->bias);
  }
  // A copy: the base weight is mapped from disk, and a tied head becomes a head of its own.
  for (const std::string& name : settings.modules_to_save) {
    Tensor& weight = saved_module(decoder, name);
    weight = owned(weight);
  }
}

bool keeps_tie(const Decoder& decoder, const LoraSettings& settings) {
  return settings.ensure_weight_tying && decoder.spec.tied_embeddings && !settings.modules_to_save.empty();
}

Targets select_targets(Decoder& decoder, const LoraSettings& settings) {
  const auto linears = decoder.linears();
  std::vector<std::string> names;
  for (const LinearLayer* linear : linears) names.push_back(linear->name);
  names.emplace_back(kEmbedName);
  names.emplace_back(kHeadName);
  const auto selected = select_modules(settings.targets, names);
  Targets targets;
  for (size_t i = 0; i < linears.size(); ++i) {
    if (selected[i]) targets.linears.push_back(linears[i]);
  }
  targets.embeddings = selected[linears.size()];
  targets.head = selected[linears.size() + 1];
  return targets;
}

namespace {

// A module trained whole has no use for an update beside it.
void check_saved_targets(const Targets& targets, const LoraSettings& settings) {
  for (const std::string& name : settings.modules_to_save) {
    const bool both =
        (targets.embeddings && has_suffix(kEmbedName, name)) || (targets.head && has_suffix(kHeadName, name));
    if (both)
      throw base::Error(ExitCode::usage, "'" + name + "' is in target_modules and in modules_to_save", {},
                        "a module is trained by a low-rank update or whole: remove it from one of them");
  }
}

std::vector<std::string> names_of(const Targets& targets) {
  std::vector<std::string> names;
  for (const LinearLayer* linear : targets.linears) names.push_back(linear->name);
  if (targets.embeddings) names.emplace_back(kEmbedName);
  if (targets.head) names.emplace_back(kHeadName);
  return names;
}

}  // namespace

void attach_lora(Decoder& decoder, const LoraSettings& settings, uint64_t seed) {
  const Targets targets = select_targets(decoder, settings);
  check_saved_targets(targets, settings);
  const auto names = names_of(targets);
  check_patterns("rank_pattern", settings.rank_pattern, names);
  check_patterns("alpha_pattern", settings.alpha_pattern, names);
  for (LinearLayer* linear : targets.linears) linear->lora = fresh_pair(*linear, settings, seed);
  if (targets.embeddings) decoder.embed_lora = fresh_embedding_pair(decoder, settings, seed);
  if (targets.head) decoder.head_lora = fresh_head_pair(decoder, settings, seed);
  own_trained_weights(decoder, settings);
  if (keeps_tie(decoder, settings)) decoder.lm_head = decoder.embed_tokens;
}

NamedTensors adapter_tensors(Decoder& decoder, const LoraSettings& settings) {
  NamedTensors tensors;
  for (LinearLayer* linear : decoder.linears()) {
    const std::string name = std::string(kPeftPrefix) + linear->name;
    if (linear->lora) {
      tensors.emplace_back(name + ".lora_A.weight", linear->lora->a);
      tensors.emplace_back(name + ".lora_B.weight", linear->lora->b);
      if (linear->lora->dora)
        tensors.emplace_back(name + ".lora_magnitude_vector", linear->lora->dora->magnitude);
    }
    if (trains_bias(*linear, settings))
      tensors.emplace_back(name + (linear->lora ? ".base_layer.bias" : ".bias"), linear->bias);
  }
  append_vocabulary_tensors(decoder, tensors);
  if (decoder.score.defined()) tensors.emplace_back(kScoreTensor, decoder.score);
  for (const std::string& name : settings.modules_to_save)
    tensors.emplace_back(saved_name(name), saved_module(decoder, name));
  return tensors;
}

void merge_linear(LinearLayer& linear) {
  if (!linear.lora) return;
  const at::NoGradGuard no_grad;
  const LoraPair& pair = *linear.lora;
  Tensor merged = at::addmm(linear.full_weight().to(at::kFloat), pair.b, pair.a, 1.0, pair.scale);
  if (pair.dora) {
    const Tensor norms = at::linalg_vector_norm(merged, 2, at::IntArrayRef({1})).clamp_min(1e-12);
    merged.mul_((pair.dora->magnitude / norms).unsqueeze(1));
  }
  if (!at::isfinite(merged).all().item<bool>()) {
    throw base::Error(ExitCode::failure, "merging " + linear.name + " gives values that are not finite");
  }
  linear.set_weight(merged);
  linear.lora.reset();
}

void merge_adapter(Decoder& decoder) {
  const at::NoGradGuard no_grad;
  for (LinearLayer* linear : decoder.linears()) merge_linear(*linear);
  merge_vocabulary(decoder);
}

void refresh_norms(Decoder& decoder) {
  for (LinearLayer* linear : decoder.linears()) linear->refresh_norms();
}

}  // namespace swift::model
