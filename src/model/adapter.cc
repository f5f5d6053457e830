#include "model/adapter.h"

#include <cmath>

#include "base/format.h"
#include "base/rng.h"
#include "model/adapter_config.h"
#include "model/pattern.h"

namespace swift::model {
namespace fs = std::filesystem;
using at::Tensor;
using base::cat;
using base::ExitCode;
namespace {

const std::string kPrefix = "base_model.model.";

// FNV-1a, so that a module's random values do not depend on which others are targeted.
uint64_t name_hash(const std::string& name) {
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

template <class T>
T pattern_value(const std::map<std::string, T>& patterns, const std::string& name, T fallback) {
  for (const auto& [pattern, value] : patterns) {
    if (matches_fully("(.*\\.)?(" + pattern + ")", name)) return value;
  }
  return fallback;
}

Tensor random_matrix(int64_t rows, int64_t columns, const base::Stream& stream, bool gaussian, double size) {
  Tensor values = at::empty({rows, columns}, at::kFloat);
  auto* data = values.data_ptr<float>();
  for (int64_t i = 0; i < rows * columns; ++i) {
    const auto index = static_cast<uint64_t>(i);
    data[i] =
        static_cast<float>(gaussian ? stream.normal(index) * size : (2 * stream.uniform(index) - 1) * size);
  }
  return values;
}

LoraPair fresh_pair(const LinearLayer& linear, const LoraSettings& settings, uint64_t seed) {
  const int64_t rank = pattern_value(settings.rank_pattern, linear.name, settings.rank);
  const double alpha = pattern_value(settings.alpha_pattern, linear.name, settings.alpha);
  const int64_t out = linear.weight.size(0), in = linear.weight.size(1);
  if (rank < 1 || rank > std::min(in, out)) {
    throw base::Error(ExitCode::usage,
                      cat("lora_rank: ", rank, " does not fit ", linear.name, " (", out, " x ", in, ")"));
  }
  const uint64_t id = name_hash(linear.name);
  const bool gaussian = settings.init == "gaussian";
  const double a_size = gaussian ? 1.0 / static_cast<double>(rank) : 1.0 / std::sqrt(static_cast<double>(in));
  LoraPair pair;
  pair.a = random_matrix(rank, in, base::Stream(seed, base::Purpose::adapter_init, id), gaussian, a_size);
  pair.b = settings.init == "false"
               ? random_matrix(out, rank, base::Stream(seed, base::Purpose::adapter_init, id + 1), false,
                               1.0 / std::sqrt(static_cast<double>(rank)))
               : at::zeros({out, rank}, at::kFloat);
  pair.scale = alpha / (settings.rslora ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank));
  pair.dropout = settings.dropout;
  pair.id = id;
  return pair;
}

// The whole weight behind a name of modules_to_save. Throws base::Error(usage) for anything else.
Tensor& saved_module(Decoder& decoder, const std::string& name) {
  if (has_suffix("lm_head", name)) return decoder.lm_head;
  if (has_suffix("model.embed_tokens", name)) return decoder.embed_tokens;
  throw base::Error(ExitCode::usage, "modules_to_save: '" + name + "' is not supported", {},
                    "supported: lm_head, embed_tokens");
}

std::string saved_name(const std::string& name) {
  return kPrefix + (has_suffix("lm_head", name) ? "lm_head" : "model.embed_tokens") + ".weight";
}

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

}  // namespace

void attach_lora(Decoder& decoder, const LoraSettings& settings, uint64_t seed) {
  const auto linears = decoder.linears();
  std::vector<std::string> names;
  for (const LinearLayer* linear : linears) names.push_back(linear->name);
  const auto selected = select_modules(settings.targets, names);
  for (size_t i = 0; i < linears.size(); ++i) {
    if (selected[i]) linears[i]->lora = fresh_pair(*linears[i], settings, seed);
  }
  // A copy: the base weight is mapped from disk, and a tied head becomes a head of its own.
  for (const std::string& name : settings.modules_to_save) {
    Tensor& weight = saved_module(decoder, name);
    weight = weight.clone();
  }
}

LoraSettings load_adapter(Decoder& decoder, const fs::path& directory) {
  const LoraSettings settings = read_adapter_config(directory / "adapter_config.json");
  const fs::path file = directory / "adapter_model.safetensors";
  if (!fs::exists(file))
    throw base::Error(ExitCode::model, "adapter_model.safetensors is missing", {directory.string()});
  const TensorFiles files = TensorFiles::from_file(file);
  attach_lora(decoder, settings, 0);
  size_t used = 0;
  for (LinearLayer* linear : decoder.linears()) {
    if (!linear->lora) continue;
    fill(linear->lora->a, files, kPrefix + linear->name + ".lora_A.weight");
    fill(linear->lora->b, files, kPrefix + linear->name + ".lora_B.weight");
    used += 2;
  }
  for (const std::string& name : settings.modules_to_save) {
    fill(saved_module(decoder, name), files, saved_name(name));
    ++used;
  }
  if (used != files.names().size()) {
    const NamedTensors expected = adapter_tensors(decoder, settings);
    for (const std::string& name : files.names()) {
      const bool known =
          std::any_of(expected.begin(), expected.end(), [&](const auto& item) { return item.first == name; });
      if (!known)
        throw base::Error(ExitCode::model,
                          "the adapter's tensor '" + name + "' is of a kind that is not supported",
                          {file.string()});
    }
  }
  return settings;
}

NamedTensors adapter_tensors(Decoder& decoder, const LoraSettings& settings) {
  NamedTensors tensors;
  for (LinearLayer* linear : decoder.linears()) {
    if (!linear->lora) continue;
    tensors.emplace_back(kPrefix + linear->name + ".lora_A.weight", linear->lora->a);
    tensors.emplace_back(kPrefix + linear->name + ".lora_B.weight", linear->lora->b);
  }
  for (const std::string& name : settings.modules_to_save)
    tensors.emplace_back(saved_name(name), saved_module(decoder, name));
  return tensors;
}

void save_adapter(Decoder& decoder, const LoraSettings& settings, const std::string& base_model,
                  const fs::path& directory) {
  save_safetensors(directory / "adapter_model.safetensors", adapter_tensors(decoder, settings));
  std::vector<std::string> suffixes;
  for (const LinearLayer* linear : decoder.linears()) {
    const std::string suffix = linear->name.substr(linear->name.rfind('.') + 1);
    if (linear->lora && std::find(suffixes.begin(), suffixes.end(), suffix) == suffixes.end())
      suffixes.push_back(suffix);
  }
  base::write_file_atomic(directory / "adapter_config.json",
                          adapter_config_json(settings, suffixes, base_model).dump(2) + "\n");
  base::write_file_atomic(
      directory / "README.md",
      cat("---\nbase_model: ", base_model, "\nlibrary_name: peft\ntags:\n- lora\n- swift\n---\n\n",
          "A LoRA adapter trained by swift. It loads in PEFT and in `swift infer --adapters`.\n"));
}

void merge_adapter(Decoder& decoder) {
  at::NoGradGuard no_grad;
  for (LinearLayer* linear : decoder.linears()) {
    if (!linear->lora) continue;
    const LoraPair& pair = *linear->lora;
    const Tensor merged = at::addmm(linear->weight.to(at::kFloat), pair.b, pair.a, 1.0, pair.scale);
    if (!at::isfinite(merged).all().item<bool>()) {
      throw base::Error(ExitCode::failure, "merging " + linear->name + " gives values that are not finite");
    }
    linear->weight = merged.to(linear->weight.scalar_type());
    linear->lora.reset();
  }
}

}  // namespace swift::model
