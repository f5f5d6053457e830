// The parts of an adapter that attaching, reading and writing share.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "model/adapter.h"

namespace swift::model {

constexpr std::string_view kPeftPrefix = "base_model.model.";

// The whole weight behind a name of modules_to_save. Throws base::Error(usage) for anything else.
at::Tensor& saved_module(Decoder& decoder, const std::string& name);
// Its name in adapter_model.safetensors.
std::string saved_name(const std::string& name);

bool trains_bias(const LinearLayer& linear, const LoraSettings& settings);

// What settings.targets selects.
struct Targets {
  std::vector<LinearLayer*> linears;  // of the blocks
  bool embeddings = false;
  bool head = false;
};
// Throws base::Error(usage) when a target selects nothing.
Targets select_targets(Decoder& decoder, const LoraSettings& settings);

// Whether a tied head stays the embedding that is trained whole: PEFT keeps both equal and writes both, here
// they are one tensor.
bool keeps_tie(const Decoder& decoder, const LoraSettings& settings);

// Copies the biases and modules that are trained whole out of the mapped file. The pairs are attached
// already.
void own_trained_weights(Decoder& decoder, const LoraSettings& settings);

}  // namespace swift::model
