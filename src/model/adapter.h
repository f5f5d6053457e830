// LoRA adapters on a decoder and their variants (rsLoRA, DoRA, PiSSA), in PEFT's file layout (peft 0.20;
// reference/training.md section 4).
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "model/decoder.h"

namespace swift::model {

// A pattern of module names, and the value of the modules it matches; the first that matches decides.
template <class T>
using Patterns = std::vector<std::pair<std::string, T>>;

struct LoraSettings {
  int64_t rank = 8;
  double alpha = 32;
  double dropout = 0;
  bool rslora = false;
  bool dora = false;
  // Start of a fresh pair. true: A kaiming-uniform, B zero. gaussian: A N(0, 1/rank). false: both random.
  // pissa and pissa_niter_<n>: the largest singular vectors of the weight, which keeps the rest.
  std::string init = "true";
  std::string bias = "none";  // biases that are trained: none, all, lora_only (those of targeted linears)
  std::vector<std::string> targets = {"all-linear"};
  Patterns<int64_t> rank_pattern;
  Patterns<double> alpha_pattern;
  std::vector<std::string> modules_to_save;  // trained whole: lm_head, embed_tokens
  bool ensure_weight_tying = false;          // a tied head stays the saved embedding
  bool save_vocabulary = false;  // embeddings and head are written too: they are not those of the base model
};

// Whether the value is one of LoraSettings::init.
bool is_known_init(const std::string& init);
bool is_pissa(const std::string& init);

// Gives every targeted linear a fresh low-rank pair. Values depend on the seed and the module's name alone.
// Throws base::Error(usage): a target or pattern that matches nothing, a rank above the matrix.
void attach_lora(Decoder& decoder, const LoraSettings& settings, uint64_t seed);

// Reads adapter_config.json and adapter_model.safetensors. An adapter that PEFT saved as PiSSA over its own
// residual weights becomes the LoRA of twice the rank over the weights of the base model. Throws
// base::Error(model): missing or unexpected tensors, shapes of another base model, PEFT methods that are not
// supported (named).
LoraSettings load_adapter(Decoder& decoder, const std::filesystem::path& directory);

// Brings back the adapter of a checkpoint that save_adapter wrote for these settings, so that training can go
// on: a PiSSA run gets its pair of the original rank and its residual weights again.
LoraSettings restore_adapter(Decoder& decoder, const LoraSettings& settings,
                             const std::filesystem::path& directory);

// The adapter's tensors as they are trained, under PEFT's names, in layer order. modules_to_save included.
NamedTensors adapter_tensors(Decoder& decoder, const LoraSettings& settings);

// Writes adapter_config.json, adapter_model.safetensors and README.md into an existing directory, then reads
// the tensors back. PiSSA is written as a plain LoRA of twice the rank. Throws base::Error(failure) when the
// file holds no tensor or a value that is not finite.
void save_adapter(Decoder& decoder, const LoraSettings& settings, const std::string& base_model,
                  const std::filesystem::path& directory);

// W += scale · B A, with DoRA scaled to its magnitudes, computed in fp32; drops the pairs. Throws
// base::Error(failure) on a non-finite result.
void merge_adapter(Decoder& decoder);
// The same of one linear; does nothing without a pair.
void merge_linear(LinearLayer& linear);

// LinearLayer::refresh_norms of every linear: after each change of the adapter's tensors.
void refresh_norms(Decoder& decoder);

}  // namespace swift::model
