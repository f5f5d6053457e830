// Model directories in Hugging Face form, in and out.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "model/base_quantization.h"
#include "model/decoder.h"
#include "model/hf_config.h"

namespace swift::model {

// "float32", "bfloat16" or "float16" as a type; "auto" or "" gives nothing. Throws base::Error(usage).
std::optional<at::ScalarType> parse_dtype(const std::string& name);
std::string dtype_name(at::ScalarType type);

// Names, shapes and places of every weight without memory (meta tensors); visit() fills them in.
Decoder skeleton(const ModelSpec& spec);

// Looks a linear's weight up that is ready for use already, by module name: null where there is none.
using ReadyWeights = std::function<ops::QuantizedPtr(const std::string& module, at::IntArrayRef sizes,
                                                     at::ScalarType compute)>;

// Reads config.json and the weights. Weights of the wanted type stay mapped from disk; others are converted.
// `dtype` empty: the configuration's. With `base` the linears of the blocks are quantized one after another
// while they are read; embeddings, head and norms stay. Linears that an AWQ, GPTQ, compressed-tensors or FP8
// checkpoint packs stay packed, and are not read where `ready` has them. Throws base::Error(model):
// unsupported architecture, missing or truncated tensor, a shape that disagrees with config.json, `base` over
// a packed checkpoint.
Decoder load_decoder(const std::filesystem::path& directory, std::optional<at::ScalarType> dtype,
                     const std::optional<BaseQuantization>& base = std::nullopt,
                     const ReadyWeights& ready = {});

// Random weights as transformers initialises them, N(0, initializer_range), norms 1, biases 0, from the seed
// alone.
Decoder random_decoder(const std::filesystem::path& directory, at::ScalarType dtype, uint64_t seed);

// Writes weights (5 GB shards), config.json with its dtype and vocab_size, and copies tokenizer and
// generation files of `source`. Quantized weights are unpacked one after another.
void save_model(const Decoder& decoder, const std::filesystem::path& source,
                const std::filesystem::path& target);

// The parts of save_model: weights in shards of 5 GB with their index, and tokenizer and generation files.
void write_weights(std::vector<LazyTensor> weights, const std::filesystem::path& target);
void copy_text_files(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace swift::model
