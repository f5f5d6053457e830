// A decoder and its tokenizer as one GGUF file.
#pragma once
#include <filesystem>
#include <string>

#include "quant/gguf/architecture.h"
#include "quant/gguf/tokenizer.h"

namespace swift::quant::gguf {

// Matrices that are quantized are unpacked one after another. `name`: general.name. Throws as
// architecture_of(), describe_tokenizer() and write_gguf().
void write_model(const std::filesystem::path& file, const model::Decoder& decoder,
                 const TokenizerSource& tokenizer, const std::string& name, FileType type);

}  // namespace swift::quant::gguf
