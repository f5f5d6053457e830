// swift export --export_format gguf: from the task to quant/gguf.
#pragma once
#include <filesystem>

#include "config/task.h"
#include "model/decoder.h"

namespace swift::cli {

// Throws base::Error before any weight is read, for a model or a tokenizer that llama.cpp cannot run, and for
// a quantized type of a model that is quantized already and gets no adapter.
void check_gguf(const config::Task& task);

// Writes model-<type>.gguf and Modelfile of the decoder, with adapters merged, into `target`, which must not
// exist or may be replaced.
void export_gguf(const config::Task& task, const model::Decoder& decoder,
                 const std::filesystem::path& target);

}  // namespace swift::cli
