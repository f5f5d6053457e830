#include "text/model_text.h"

#include <algorithm>

#include "base/file.h"

namespace swift::text {
namespace fs = std::filesystem;
using base::Json;
namespace {

Json optional_json(const fs::path& file) {
  return fs::exists(file) ? base::read_json(file, base::ExitCode::model) : Json::object();
}

void add_id(std::vector<int32_t>& ids, std::optional<int32_t> id) {
  if (id && std::find(ids.begin(), ids.end(), *id) == ids.end()) ids.push_back(*id);
}

// A number or a list of numbers under "eos_token_id"; ids beyond the vocabulary are left out.
void add_ids(std::vector<int32_t>& ids, const Json& config, size_t vocab) {
  if (!config.is_object() || !config.contains("eos_token_id")) return;
  const Json& value = config.at("eos_token_id");
  const auto add = [&](const Json& id) {
    if (id.is_number_unsigned() && id.get<uint64_t>() < vocab) add_id(ids, id.get<int32_t>());
  };
  if (!value.is_array()) return add(value);
  for (const Json& id : value) add(id);
}

std::optional<int32_t> special_id(const Tokenizer& tokenizer, const Json& special, const char* key) {
  if (!special.contains(key)) return std::nullopt;
  return tokenizer.id_of(special.at(key).get<std::string>());
}

}  // namespace

Json special_tokens(const fs::path& directory) {
  const Json config = optional_json(directory / "tokenizer_config.json");
  Json special = Json::object();
  for (const char* key :
       {"bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token"}) {
    if (!config.is_object() || !config.contains(key)) continue;
    const Json& value = config.at(key);
    if (value.is_string()) special[key] = value;
    if (value.is_object() && value.contains("content") && value.at("content").is_string())
      special[key] = value.at("content");
  }
  return special;
}

std::vector<int32_t> eos_token_ids(const fs::path& directory, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  add_id(ids, special_id(tokenizer, special_tokens(directory), "eos_token"));
  add_ids(ids, optional_json(directory / "generation_config.json"), tokenizer.vocab_size());
  add_ids(ids, optional_json(directory / "config.json"), tokenizer.vocab_size());
  return ids;
}

ModelText load_model_text(const fs::path& directory, const std::optional<std::string>& template_file,
                          const std::vector<std::string>& new_special, const fs::path& tokenizer_directory) {
  ModelText text{Tokenizer::load(tokenizer_directory.empty() ? directory : tokenizer_directory, new_special),
                 std::nullopt,
                 optional_json(directory / "generation_config.json"),
                 {},
                 {}};
  text.eos_token_ids = eos_token_ids(directory, text.tokenizer);
  const Json special = special_tokens(directory);
  const Json config = optional_json(directory / "tokenizer_config.json");
  if (config.is_object() && config.contains("add_bos_token") && config.at("add_bos_token") == Json(true)) {
    text.bos_token_id = special_id(text.tokenizer, special, "bos_token");
  }
  if (template_file) {
    text.chat_template = ChatTemplate::from_source(base::read_file(*template_file, base::ExitCode::usage),
                                                   special, *template_file);
  } else if (ChatTemplate::exists_in(directory)) {
    text.chat_template = ChatTemplate::from_directory(directory);
  }
  return text;
}

}  // namespace swift::text
