// How llama.cpp names a model family and what it reads of one: keys of the header, names and order of the
// weights. Facts of gguf 0.19 (constants.py, tensor_mapping.py) and of llama.cpp's src/models.
#pragma once
#include <string>
#include <vector>

#include "model/decoder.h"
#include "quant/gguf/file.h"
#include "quant/gguf/types.h"

namespace swift::quant::gguf {

// "llama", "qwen2", … Throws base::Error(model), naming the property, for a model that llama.cpp cannot run
// as it is: an architecture it has no name for, a reward model, biases, rope scaling or experts that its
// graph of the family lacks.
std::string architecture_of(const model::ModelSpec& spec);

// general.architecture to the sizes; `name` becomes general.name.
void describe_model(const model::ModelSpec& spec, const std::string& name, FileType type, Metadata& metadata);

// Every weight under its name in llama.cpp. The decoder must outlive the entries.
std::vector<TensorEntry> tensors_of(const model::Decoder& decoder, FileType type);

}  // namespace swift::quant::gguf
