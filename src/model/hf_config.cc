#include "model/hf_config.h"

namespace swift::model {
namespace fs = std::filesystem;
using base::Json;

HfConfig HfConfig::read(const fs::path& directory) {
  if (!fs::is_directory(directory)) {
    throw base::Error(base::ExitCode::model, "the model directory does not exist", {directory.string()},
                      "give a local Hugging Face directory; nothing is downloaded");
  }
  const fs::path file = directory / "config.json";
  if (!fs::exists(file)) {
    throw base::Error(base::ExitCode::model, "the model directory has no config.json", {directory.string()});
  }
  HfConfig config(base::read_json(file, base::ExitCode::model), file.string());
  if (!config.json_.is_object()) config.fail("config.json must hold an object");
  return config;
}

void HfConfig::fail(const std::string& message, const std::string& hint) const {
  throw base::Error(base::ExitCode::model, message, {file_}, hint);
}

int64_t HfConfig::integer(const std::string& key) const {
  if (!has(key)) fail("'" + key + "' is missing");
  if (!json_.at(key).is_number_integer()) fail("'" + key + "' must be an integer");
  return json_.at(key).get<int64_t>();
}

int64_t HfConfig::integer(const std::string& key, int64_t fallback) const {
  return has(key) ? integer(key) : fallback;
}

double HfConfig::number(const std::string& key, double fallback) const {
  if (!has(key)) return fallback;
  if (!json_.at(key).is_number()) fail("'" + key + "' must be a number");
  return json_.at(key).get<double>();
}

bool HfConfig::boolean(const std::string& key, bool fallback) const {
  if (!has(key)) return fallback;
  if (!json_.at(key).is_boolean()) fail("'" + key + "' must be true or false");
  return json_.at(key).get<bool>();
}

std::string HfConfig::text(const std::string& key, const std::string& fallback) const {
  if (!has(key)) return fallback;
  if (!json_.at(key).is_string()) fail("'" + key + "' must be a string");
  return json_.at(key).get<std::string>();
}

std::string HfConfig::architecture() const {
  if (!has("architectures") || !json_.at("architectures").is_array() || json_.at("architectures").empty() ||
      !json_.at("architectures").at(0).is_string()) {
    fail("'architectures' is missing", "it should name the model class, such as [\"Qwen3ForCausalLM\"]");
  }
  return json_.at("architectures").at(0).get<std::string>();
}

std::string HfConfig::dtype() const {
  const std::string name = text("dtype", text("torch_dtype", "float32"));
  return name.starts_with("torch.") ? name.substr(6) : name;
}

Json HfConfig::rope() const {
  Json rope = Json::object();
  if (has("rope_parameters")) {
    rope = json_.at("rope_parameters");
  } else if (has("rope_scaling")) {
    rope = json_.at("rope_scaling");
  }
  if (!rope.is_object()) fail("the rope parameters must be an object");
  if (!rope.contains("rope_type")) rope["rope_type"] = rope.value("type", "default");
  if (!rope.contains("rope_theta")) rope["rope_theta"] = number("rope_theta", 10000.0);
  return rope;
}

}  // namespace swift::model
