#include "train/parameters.h"

#include <map>
#include <set>

#include "base/error.h"
#include "model/device_experts.h"
#include "train/freeze.h"
#include "train/optimizers/projection.h"

namespace swift::train {
namespace {

bool decays(const std::string& name) {
  return !name.ends_with(".bias") && name.find("norm") == std::string::npos;
}

template <class T>
model::Patterns<T> patterns_of(const std::string& text) {
  model::Patterns<T> patterns;
  if (text.empty()) return patterns;
  const base::Json object = base::Json::parse(text);
  for (const auto& [pattern, value] : object.items()) patterns.emplace_back(pattern, value.template get<T>());
  return patterns;
}

bool trains(const std::string& adapter_tensor, const config::Task& task) {
  return !task.use_lora_fa || !adapter_tensor.ends_with(".lora_A.weight");
}

// LoRA+ as PEFT's create_loraplus_optimizer groups its tensors; updates of embeddings have a rate of their
// own.
double lr_scale(const std::string& name, const at::Tensor& tensor, const config::Task& task) {
  constexpr double kEmbeddingRate = 1e-6;
  if (task.lorap_lr_ratio && name.find(".lora_embedding_") != std::string::npos)
    return kEmbeddingRate / task.learning_rate.value_or(1e-4);
  const bool faster = name.ends_with(".lora_B.weight") || tensor.dim() == 1;
  return faster ? task.lorap_lr_ratio.value_or(1.0) : 1.0;
}

std::vector<bool> selection(model::Decoder& decoder, const config::Task& task) {
  std::vector<Weight> weights;
  decoder.visit([&](const std::string& name, at::Tensor& weight) {
    weights.push_back({name, weight.numel()});
  });
  return trained_weights(weights, task);
}

// Names of the linears' weights that Q-GaLore keeps in INT8: those that it projects.
std::set<std::string> int8_weights(model::Decoder& decoder, const std::vector<bool>& trained,
                                   const config::Task& task) {
  const GaloreSettings galore = optimizer_settings(task).galore;
  std::set<std::string> names;
  if (config::canonical_optim(task.optim) != "q_galore") return names;
  if (decoder.embed_tokens.is_cuda() && galore.group_size % 4 != 0) {
    throw base::Error(base::ExitCode::usage, "on a GPU galore_proj_group_size must be a multiple of 4", {},
                      "set galore_proj_group_size: 128, or device: cpu");
  }
  if (!galore.quantize_weights) return names;
  std::vector<Parameter> parameters;
  size_t index = 0;
  decoder.visit([&](const std::string& name, at::Tensor& weight) {
    if (trained[index++]) parameters.push_back({name, weight});
  });
  const auto projected = projected_parameters(parameters, galore);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (projected[i] && !is_embedding(parameters[i].name)) names.insert(parameters[i].name);
  }
  return names;
}

// Replaces each of those weights by its INT8 form, one after another; the model holds no other.
std::map<std::string, c10::intrusive_ptr<ops::Int8Weight>> keep_in_int8(model::Decoder& decoder,
                                                                        const std::vector<bool>& trained,
                                                                        const config::Task& task) {
  std::map<std::string, c10::intrusive_ptr<ops::Int8Weight>> kept;
  const auto names = int8_weights(decoder, trained, task);
  for (model::LinearLayer* linear : decoder.linears()) {
    const std::string name = linear->name + ".weight";
    if (!names.contains(name) || linear->weight.is_meta()) continue;  // shapes alone: a plan
    const auto stored = c10::make_intrusive<ops::Int8Weight>(linear->weight, task.galore_proj_group_size,
                                                             linear->weight.scalar_type());
    linear->keep_quantized(stored);
    kept.emplace(name, stored);
  }
  return kept;
}

}  // namespace

model::LoraSettings lora_settings(const config::Task& task) {
  model::LoraSettings settings;
  settings.rank = task.lora_rank;
  settings.alpha = task.lora_alpha;
  settings.dropout = task.lora_dropout;
  settings.rslora = task.use_rslora;
  settings.dora = task.use_dora;
  settings.init = task.init_weights;
  settings.bias = task.lora_bias;
  settings.targets = task.target_regex ? std::vector{*task.target_regex} : task.target_modules;
  settings.rank_pattern = patterns_of<int64_t>(task.rank_pattern);
  settings.alpha_pattern = patterns_of<double>(task.alpha_pattern);
  settings.modules_to_save = task.modules_to_save;
  return settings;
}

std::vector<Parameter> make_trainable(model::Decoder& decoder, const model::LoraSettings* adapter,
                                      const config::Task& task) {
  std::vector<Parameter> parameters;
  if (adapter != nullptr) {
    model::gather_experts(decoder);
    for (auto& [name, tensor] : model::adapter_tensors(decoder, *adapter)) {
      if (!trains(name, task)) continue;
      tensor.requires_grad_(true);
      parameters.push_back({name, tensor, decays(name), lr_scale(name, tensor, task)});
    }
    return parameters;
  }
  const auto trained = selection(decoder, task);
  const auto int8 = keep_in_int8(decoder, trained, task);
  size_t index = 0;
  decoder.visit([&](const std::string& name, at::Tensor& weight) {
    if (!trained[index++]) return;
    const auto stored = int8.find(name);
    if (stored == int8.end()) weight = weight.detach().clone();
    weight.requires_grad_(true);
    parameters.push_back({name, weight, decays(name), 1.0, stored == int8.end() ? nullptr : stored->second});
  });
  if (decoder.spec.tied_embeddings) decoder.lm_head = decoder.embed_tokens;
  model::gather_experts(decoder);
  return parameters;
}

int64_t count_trained(model::Decoder& decoder, const model::LoraSettings* adapter, const config::Task& task) {
  int64_t count = 0;
  if (adapter != nullptr) {
    for (const auto& [name, tensor] : model::adapter_tensors(decoder, *adapter)) {
      if (trains(name, task)) count += tensor.numel();
    }
    return count;
  }
  const auto trained = selection(decoder, task);
  size_t index = 0;
  decoder.visit([&](const std::string&, at::Tensor& weight) {
    if (trained[index++]) count += weight.numel();
  });
  return count;
}

}  // namespace swift::train
