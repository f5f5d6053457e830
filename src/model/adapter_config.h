// adapter_config.json as PEFT 0.20 writes and reads it.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "model/adapter.h"

namespace swift::model {

// Ignores keys it does not know. Throws base::Error(model) for a missing file, ill-typed keys and PEFT
// methods or LoRA variants that are not supported.
LoraSettings read_adapter_config(const std::filesystem::path& file);

// target_suffixes stand for a list with a keyword; a pattern or another list in the settings is kept as it
// is.
base::Json adapter_config_json(const LoraSettings& settings, const std::vector<std::string>& target_suffixes,
                               const std::string& base_model);

}  // namespace swift::model
