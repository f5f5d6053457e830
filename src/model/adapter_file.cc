// Reading and writing an adapter's directory.
#include <algorithm>

#include "base/format.h"
#include "model/adapter.h"
#include "model/adapter_config.h"
#include "model/adapter_init.h"
#include "model/adapter_parts.h"
#include "model/pattern.h"
#include "model/value_head.h"
#include "model/vocabulary_adapter.h"

namespace swift::model {
namespace fs = std::filesystem;
using at::Tensor;
using base::cat;
using base::ExitCode;
namespace {

void fill(Tensor& target, const TensorFiles& files, const std::string& name) {
  if (!files.has(name)) {
    throw base::Error(ExitCode::model, "the adapter has no tensor '" + name + "'", {files.origin()},
                      "is it an adapter of another base model?");
  }
  const Tensor found = files.get(name);
  if (found.sizes() != target.sizes()) {
    throw base::Error(ExitCode::model, "tensor '" + name + "' has another shape than this base model needs",
                      {files.origin()});
  }
  target = found.to(target.scalar_type(), false, true);
}

TensorFiles open_tensors(const fs::path& directory) {
  const fs::path file = directory / "adapter_model.safetensors";
  if (!fs::exists(file))
    throw base::Error(ExitCode::model, "adapter_model.safetensors is missing", {directory.string()});
  return TensorFiles::from_file(file);
}

// Fills every tensor of the attached adapter; nothing else may be in the file.
void fill_all(Decoder& decoder, const LoraSettings& settings, const TensorFiles& files) {
  const std::string prefix(kPeftPrefix);
  for (LinearLayer* linear : decoder.linears()) {
    if (linear->lora) {
      fill(linear->lora->a, files, prefix + linear->name + ".lora_A.weight");
      fill(linear->lora->b, files, prefix + linear->name + ".lora_B.weight");
      if (linear->lora->dora)
        fill(linear->lora->dora->magnitude, files, prefix + linear->name + ".lora_magnitude_vector");
    }
    if (!trains_bias(*linear, settings)) continue;
    const std::string name = prefix + linear->name + (linear->lora ? ".base_layer.bias" : ".bias");
    // PEFT 0.20 trains but does not save the biases of lora_only.
    if (settings.bias == "all" || files.has(name)) fill(linear->bias, files, name);
  }
  if (decoder.embed_lora) {
    fill(decoder.embed_lora->a, files, cat(prefix, kEmbedName, ".lora_embedding_A"));
    fill(decoder.embed_lora->b, files, cat(prefix, kEmbedName, ".lora_embedding_B"));
  }
  if (decoder.head_lora) {
    fill(decoder.head_lora->a, files, cat(prefix, kHeadName, ".lora_A.weight"));
    fill(decoder.head_lora->b, files, cat(prefix, kHeadName, ".lora_B.weight"));
  }
  if (files.has(kScoreTensor)) decoder.score = files.get(kScoreTensor).to(at::kFloat, false, true);
  for (const std::string& name : settings.modules_to_save)
    fill(saved_module(decoder, name), files, saved_name(name));
}

void refuse_unknown(Decoder& decoder, const LoraSettings& settings, const TensorFiles& files) {
  const NamedTensors expected = adapter_tensors(decoder, settings);
  for (const std::string& name : files.names()) {
    const bool known =
        is_base_weight(name) ||
        std::any_of(expected.begin(), expected.end(), [&](const auto& item) { return item.first == name; });
    if (!known) {
      throw base::Error(ExitCode::model,
                        "the adapter's tensor '" + name + "' is of a kind that is not supported",
                        {files.origin()});
    }
  }
}

// PEFT gives a tied head the transposed update of its embeddings and writes both. Here they are two updates,
// which are equal until one is trained further.
void untie_targets(const Decoder& decoder, LoraSettings& settings, Targets& targets) {
  if (!settings.ensure_weight_tying || !decoder.spec.tied_embeddings || !targets.embeddings || targets.head)
    return;
  targets.head = true;
  settings.ensure_weight_tying = false;
  if (is_pattern(settings.targets)) {
    settings.targets = {"(?:" + settings.targets[0] + ")|" + std::string(kHeadName)};
  } else {
    settings.targets.emplace_back(kHeadName);
  }
}

// Both halves of a PiSSA adapter over the weights of the base model.
LoraSettings widened(Decoder& decoder, const LoraSettings& settings) {
  for (LinearLayer* linear : decoder.linears()) {
    if (!linear->lora) continue;
    LoraPair& pair = *linear->lora;
    std::tie(pair.start_a, pair.start_b) = principal_pair(linear->weight, pair.a.size(0), pair.scale, 0,
                                                          base::Stream(0, base::Purpose::adapter_init));
    pair.a = at::cat({pair.a, pair.start_a}, 0);
    pair.b = at::cat({pair.b, -pair.start_b}, 1);
    pair.start_a = pair.start_b = Tensor();
  }
  return doubled(settings);
}

NamedTensors saved_tensors(Decoder& decoder, const LoraSettings& settings) {
  NamedTensors tensors = adapter_tensors(decoder, settings);
  const auto replace = [&tensors](const std::string& name, const Tensor& value) {
    for (auto& [found, tensor] : tensors) {
      if (found == name) tensor = value;
    }
  };
  for (const LinearLayer* linear : decoder.linears()) {
    if (!linear->lora || !linear->lora->start_a.defined()) continue;
    const LoraPair& pair = *linear->lora;
    const std::string name = std::string(kPeftPrefix) + linear->name;
    replace(name + ".lora_A.weight", at::cat({pair.a.detach(), pair.start_a}, 0));
    replace(name + ".lora_B.weight", at::cat({pair.b.detach(), -pair.start_b}, 1));
  }
  append_base_weights(decoder, settings, tensors);
  const auto written = [&](const std::string& name) {
    return std::any_of(tensors.begin(), tensors.end(), [&](const auto& item) { return item.first == name; });
  };
  if (keeps_tie(decoder, settings) && !written(saved_name("lm_head")))
    tensors.emplace_back(saved_name("lm_head"), decoder.lm_head);
  return tensors;
}

// What only linears of the blocks have here.
void refuse_end_variants(const Targets& targets, const LoraSettings& settings, const TensorFiles& files) {
  if (!targets.embeddings && !targets.head) return;
  if (!settings.dora && !is_pissa(settings.init)) return;
  throw base::Error(ExitCode::model,
                    cat(settings.dora ? "DoRA" : "PiSSA", " of ", targets.embeddings ? kEmbedName : kHeadName,
                        " is not supported"),
                    {files.origin()});
}

void verify_saved(const fs::path& file, size_t count) {
  const TensorFiles files = TensorFiles::from_file(file);
  if (files.names().empty() || files.names().size() != count) {
    throw base::Error(ExitCode::failure,
                      cat("the saved adapter has ", files.names().size(), " tensors, expected ", count),
                      {file.string()}, "nothing was kept of it; earlier checkpoints are unharmed");
  }
  for (const std::string& name : files.names()) {
    const Tensor tensor = files.get(name);
    if (tensor.numel() > 0 && at::isfinite(tensor).all().item<bool>()) continue;
    throw base::Error(ExitCode::failure,
                      cat("the adapter's tensor '", name,
                          tensor.numel() == 0 ? "' is empty" : "' has values that are not finite"),
                      {file.string()}, "nothing was kept of it; earlier checkpoints are unharmed");
  }
}

}  // namespace

LoraSettings load_adapter(Decoder& decoder, const fs::path& directory) {
  LoraSettings settings = read_adapter_config(directory / "adapter_config.json");
  // The head is found by its tensor; PEFT lists both names that transformers gives such heads.
  std::erase_if(settings.modules_to_save,
                [](const std::string& name) { return name == kScoreName || name == "classifier"; });
  const TensorFiles files = open_tensors(directory);
  take_base_weights(decoder, settings, files);
  Targets targets = select_targets(decoder, settings);
  untie_targets(decoder, settings, targets);
  refuse_end_variants(targets, settings, files);
  for (LinearLayer* linear : targets.linears) {
    if (linear->quantized && is_pissa(settings.init))
      throw base::Error(ExitCode::model,
                        "an adapter of PiSSA needs the base model's own weights, not quantized ones",
                        {files.origin()}, "remove quant_method");
    linear->lora = empty_pair(*linear, settings);
    if (settings.dora) linear->lora->dora = fresh_dora(*linear, *linear->lora);
  }
  if (targets.embeddings) decoder.embed_lora = empty_embedding_pair(decoder, settings);
  if (targets.head) decoder.head_lora = empty_head_pair(decoder, settings);
  const bool tied = keeps_tie(decoder, settings);
  if (tied) settings.modules_to_save = {"embed_tokens", "lm_head"};
  own_trained_weights(decoder, settings);
  fill_all(decoder, settings, files);
  refuse_unknown(decoder, settings, files);
  if (tied) {
    decoder.lm_head = decoder.embed_tokens;
    settings.modules_to_save = {"embed_tokens"};
  }
  if (is_pissa(settings.init)) settings = widened(decoder, settings);
  refresh_norms(decoder);
  return settings;
}

LoraSettings restore_adapter(Decoder& decoder, const LoraSettings& settings, const fs::path& directory) {
  LoraSettings found = load_adapter(decoder, directory);
  if (!is_pissa(settings.init)) return found;
  for (LinearLayer* linear : select_targets(decoder, settings).linears) {
    LoraPair narrow = empty_pair(*linear, settings);
    const int64_t rank = narrow.a.size(0);
    if (!linear->lora || linear->lora->a.size(0) != 2 * rank) {
      throw base::Error(ExitCode::model,
                        cat("the checkpoint's adapter of ", linear->name, " is not of rank ", 2 * rank,
                            ", twice lora_rank, as PiSSA saves it"),
                        {directory.string()}, "resume with the settings of the run");
    }
    const LoraPair& wide = *linear->lora;
    narrow.a = wide.a.narrow(0, 0, rank).contiguous();
    narrow.b = wide.b.narrow(1, 0, rank).contiguous();
    narrow.start_a = wide.a.narrow(0, rank, rank).contiguous();
    narrow.start_b = wide.b.narrow(1, rank, rank).neg();
    linear->weight = residual_weight(*linear, narrow);
    if (wide.dora) {
      narrow.dora = fresh_dora(*linear, narrow);
      narrow.dora->magnitude = wide.dora->magnitude;
    }
    linear->lora = std::move(narrow);
  }
  LoraSettings restored = settings;
  restored.modules_to_save = found.modules_to_save;
  restored.ensure_weight_tying = found.ensure_weight_tying;
  return restored;
}

void save_adapter(Decoder& decoder, const LoraSettings& settings, const std::string& base_model,
                  const fs::path& directory) {
  const fs::path file = directory / "adapter_model.safetensors";
  const NamedTensors tensors = saved_tensors(decoder, settings);
  save_safetensors(file, tensors);
  verify_saved(file, tensors.size());
  std::vector<std::string> suffixes;
  for (const LinearLayer* linear : decoder.linears()) {
    const std::string suffix = linear->name.substr(linear->name.rfind('.') + 1);
    if (linear->lora && std::find(suffixes.begin(), suffixes.end(), suffix) == suffixes.end())
      suffixes.push_back(suffix);
  }
  if (decoder.embed_lora) suffixes.emplace_back("embed_tokens");
  if (decoder.head_lora) suffixes.emplace_back(kHeadName);
  const LoraSettings written = is_pissa(settings.init) ? doubled(settings) : settings;
  base::Json config = adapter_config_json(written, suffixes, base_model);
  if (decoder.score.defined()) describe_value_adapter(config);
  base::write_file_atomic(directory / "adapter_config.json", config.dump(2) + "\n");
  base::write_file_atomic(
      directory / "README.md",
      cat("---\nbase_model: ", base_model, "\nlibrary_name: peft\ntags:\n- lora\n- swift\n---\n\n",
          "A LoRA adapter trained by swift. It loads in PEFT and in `swift infer --adapters`.\n"));
}

}  // namespace swift::model
