#include "model/adapter_config.h"

#include <algorithm>
#include <cmath>

#include "model/pattern.h"

namespace swift::model {
using base::ExitCode;
using base::Json;
namespace {

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& message) {
  throw base::Error(ExitCode::model, message, {file.string()});
}

bool is_set(const Json& config, const char* key) {
  if (!config.contains(key)) return false;
  const Json& value = config.at(key);
  return !value.is_null() && value != Json(false) && !(value.is_structured() && value.empty());
}

void refuse_variants(const std::filesystem::path& file, const Json& config) {
  if (config.value("peft_type", "LORA") != "LORA")
    fail(file, "peft_type " + config.at("peft_type").dump() + " is not supported; supported: LORA");
  for (const char* key : {"use_qalora", "fan_in_fan_out", "lora_bias", "layer_replication",
                          "target_parameters", "trainable_token_indices", "use_bdlora",
                          "alora_invocation_tokens", "exclude_modules", "layers_to_transform"}) {
    if (is_set(config, key)) fail(file, std::string("the LoRA variant '") + key + "' is not supported");
  }
  // These take a part out of the base's weights, which only PEFT itself can repeat.
  const Json init = config.contains("init_lora_weights") ? config.at("init_lora_weights") : Json(true);
  const std::string kind = init.is_string() ? init.get<std::string>() : "true";
  for (const char* changed : {"pissa_niter_", "olora", "corda", "loftq", "lora_ga"}) {
    if (kind.starts_with(changed))
      throw base::Error(ExitCode::model, "init_lora_weights '" + kind + "' changes the base model's weights",
                        {file.string()},
                        "convert the adapter with PEFT: save_pretrained(..., "
                        "path_initial_model_for_weight_conversion=...)");
  }
}

// A text under `key`, or the fallback when it is absent or null.
std::string text_of(const std::filesystem::path& file, const Json& config, const char* key,
                    const std::string& fallback) {
  if (!config.contains(key) || config.at(key).is_null()) return fallback;
  if (!config.at(key).is_string()) fail(file, std::string("'") + key + "' must be a text");
  return config.at(key).get<std::string>();
}

double number_of(const std::filesystem::path& file, const Json& config, const char* key, double fallback) {
  if (!config.contains(key) || config.at(key).is_null()) return fallback;
  if (!config.at(key).is_number()) fail(file, std::string("'") + key + "' must be a number");
  return config.at(key).get<double>();
}

bool flag_of(const std::filesystem::path& file, const Json& config, const char* key) {
  if (!config.contains(key) || config.at(key).is_null()) return false;
  if (!config.at(key).is_boolean()) fail(file, std::string("'") + key + "' must be true or false");
  return config.at(key).get<bool>();
}

std::vector<std::string> string_list(const std::filesystem::path& file, const Json& config, const char* key) {
  std::vector<std::string> result;
  if (!config.contains(key) || config.at(key).is_null()) return result;
  const Json& value = config.at(key);
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) fail(file, std::string("'") + key + "' must be a list or a string");
  for (const Json& item : value) {
    if (!item.is_string()) fail(file, std::string("'") + key + "' must hold strings");
    result.push_back(item.get<std::string>());
  }
  return result;
}

template <class T>
Patterns<T> pattern_map(const std::filesystem::path& file, const Json& config, const char* key) {
  Patterns<T> result;
  if (!is_set(config, key)) return result;
  if (!config.at(key).is_object()) fail(file, std::string("'") + key + "' must be an object");
  for (const auto& [pattern, value] : config.at(key).items()) {
    if (!value.is_number()) fail(file, std::string("'") + key + "' must hold numbers");
    result.emplace_back(pattern, value.template get<T>());
  }
  return result;
}

// PEFT declares lora_alpha as an integer; a whole number is written as one.
Json number(double value) {
  return value == std::floor(value) ? Json(static_cast<int64_t>(value)) : Json(value);
}

template <class T>
Json pattern_object(const Patterns<T>& patterns) {
  Json object = Json::object();
  for (const auto& [pattern, value] : patterns) object[pattern] = number(static_cast<double>(value));
  return object;
}

}  // namespace

LoraSettings read_adapter_config(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file)) fail(file, "adapter_config.json is missing: not an adapter directory");
  const Json config = base::read_json(file, ExitCode::model);
  if (!config.is_object()) fail(file, "adapter_config.json must hold an object");
  refuse_variants(file, config);
  LoraSettings settings;
  if (!config.contains("r") || !config.at("r").is_number_integer()) fail(file, "'r' must be an integer");
  settings.rank = config.at("r").get<int64_t>();
  settings.alpha = number_of(file, config, "lora_alpha", 8.0);
  settings.dropout = number_of(file, config, "lora_dropout", 0.0);
  settings.rslora = flag_of(file, config, "use_rslora");
  settings.dora = flag_of(file, config, "use_dora");
  settings.ensure_weight_tying = flag_of(file, config, "ensure_weight_tying");
  settings.bias = text_of(file, config, "bias", "none");
  if (settings.bias != "none" && settings.bias != "all" && settings.bias != "lora_only")
    fail(file, "bias '" + settings.bias + "' is not supported; supported: none, all, lora_only");
  if (config.contains("init_lora_weights") && config.at("init_lora_weights") == "pissa")
    settings.init = "pissa";
  settings.targets = string_list(file, config, "target_modules");
  if (settings.targets.empty()) fail(file, "'target_modules' is missing");
  settings.modules_to_save = string_list(file, config, "modules_to_save");
  settings.rank_pattern = pattern_map<int64_t>(file, config, "rank_pattern");
  settings.alpha_pattern = pattern_map<double>(file, config, "alpha_pattern");
  return settings;
}

Json adapter_config_json(const LoraSettings& settings, const std::vector<std::string>& target_suffixes,
                         const std::string& base_model) {
  Json targets = target_suffixes;
  if (is_pattern(settings.targets))
    targets = settings.targets[0];
  else if (std::none_of(settings.targets.begin(), settings.targets.end(), is_keyword))
    targets = settings.targets;
  const Json none = nullptr;
  return {{"alora_invocation_tokens", none},
          {"alpha_pattern", pattern_object(settings.alpha_pattern)},
          {"arrow_config", none},
          {"auto_mapping", none},
          {"base_model_name_or_path", base_model},
          {"bias", settings.bias},
          {"corda_config", none},
          {"ensure_weight_tying", settings.ensure_weight_tying},
          {"eva_config", none},
          {"exclude_modules", none},
          {"fan_in_fan_out", false},
          {"inference_mode", true},
          {"init_lora_weights", true},
          {"layer_replication", none},
          {"layers_pattern", none},
          {"layers_to_transform", none},
          {"loftq_config", Json::object()},
          {"lora_alpha", number(settings.alpha)},
          {"lora_bias", false},
          {"lora_dropout", settings.dropout},
          {"lora_ga_config", none},
          {"megatron_config", none},
          {"megatron_core", "megatron.core"},
          {"modules_to_save", settings.modules_to_save.empty() ? none : Json(settings.modules_to_save)},
          {"monteclora_config", none},
          {"peft_type", "LORA"},
          {"peft_version", "0.20.0"},
          {"qalora_group_size", 16},
          {"r", settings.rank},
          {"rank_pattern", pattern_object(settings.rank_pattern)},
          {"revision", none},
          {"target_modules", targets},
          {"target_parameters", none},
          {"task_type", "CAUSAL_LM"},
          {"trainable_token_indices", none},
          {"use_bdlora", none},
          {"use_dora", settings.dora},
          {"use_qalora", false},
          {"use_rslora", settings.rslora},
          {"velora_config", none}};
}

}  // namespace swift::model
