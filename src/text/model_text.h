// The text side of a model directory: tokenizer, chat template, and which tokens begin and end a text.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace swift::text {

struct ModelText {
  Tokenizer tokenizer;
  std::optional<ChatTemplate> chat_template;
  base::Json generation_config;         // {} when the file is absent
  std::vector<int32_t> eos_token_ids;   // eos_token_ids() below
  std::optional<int32_t> bos_token_id;  // set when the tokenizer puts one before text
};

// template_file: a Jinja file to use instead of the directory's template. new_special: special tokens to add.
// tokenizer_directory: where tokenizer.json is, when not in `directory` (an adapter that brings its own).
// Throws base::Error(model) when the tokenizer is missing or of an unknown kind, or the template is
// malformed.
ModelText load_model_text(const std::filesystem::path& directory,
                          const std::optional<std::string>& template_file,
                          const std::vector<std::string>& new_special = {},
                          const std::filesystem::path& tokenizer_directory = {});

// tokenizer_config.json's eos_token first, then those of generation_config.json and config.json.
std::vector<int32_t> eos_token_ids(const std::filesystem::path& directory, const Tokenizer& tokenizer);

// {"bos_token": "<s>", …} of tokenizer_config.json.
base::Json special_tokens(const std::filesystem::path& directory);

}  // namespace swift::text
