// LoRA adapters on a decoder, in PEFT's file layout (peft 0.20; reference/training.md section 4).
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "model/decoder.h"

namespace swift::model {

struct LoraSettings {
  int64_t rank = 8;
  double alpha = 32;
  double dropout = 0;
  bool rslora = false;
  std::string init = "true";  // true: A kaiming-uniform, B zero; gaussian: A N(0, 1/rank); false: both random
  std::vector<std::string> targets = {"all-linear"};
  std::map<std::string, int64_t> rank_pattern;  // pattern of a module name to its own rank
  std::map<std::string, double> alpha_pattern;
  std::vector<std::string> modules_to_save;  // trained whole: lm_head, embed_tokens
};

// Gives every targeted linear a fresh low-rank pair. Values depend on the seed and the module's name alone.
// Throws base::Error(usage): a target that matches nothing, a rank above the matrix.
void attach_lora(Decoder& decoder, const LoraSettings& settings, uint64_t seed);

// Reads adapter_config.json and adapter_model.safetensors. Throws base::Error(model): missing or unexpected
// tensors, shapes of another base model, PEFT methods that are not supported (named).
LoraSettings load_adapter(Decoder& decoder, const std::filesystem::path& directory);

// The adapter's tensors under PEFT's names, in layer order. modules_to_save included.
NamedTensors adapter_tensors(Decoder& decoder, const LoraSettings& settings);

// Writes adapter_config.json, adapter_model.safetensors and README.md into an existing directory.
void save_adapter(Decoder& decoder, const LoraSettings& settings, const std::string& base_model,
                  const std::filesystem::path& directory);

// W += scale · B A, computed in fp32, and drops the pairs. Throws base::Error(failure) on a non-finite
// result.
void merge_adapter(Decoder& decoder);

}  // namespace swift::model
