// Special tokens that a run adds to a model's tokenizer.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "text/tokenizer_file.h"

namespace swift::text {

// Appends to the file's added_tokens those of the tokens that it lacks, as tokenizers' add_special_tokens
// does: special, taken as written, each with the id after the largest; a text of the vocabulary keeps its id.
void add_special_tokens(TokenizerFile& file, const std::vector<std::string>& tokens);

// Writes the tokenizer.json and tokenizer_config.json of `source` with the tokens added into the existing
// directory `target`. Throws base::Error(model) when source has no readable tokenizer.
void write_with_special_tokens(const std::filesystem::path& source, const std::vector<std::string>& tokens,
                               const std::filesystem::path& target);

}  // namespace swift::text
