#include "train/parameters.h"

namespace swift::train {
namespace {

bool decays(const std::string& name) {
  return !name.ends_with(".bias") && name.find("norm") == std::string::npos;
}

}  // namespace

std::vector<Parameter> make_trainable(model::Decoder& decoder, const model::LoraSettings* adapter) {
  std::vector<Parameter> parameters;
  if (adapter != nullptr) {
    for (auto& [name, tensor] : model::adapter_tensors(decoder, *adapter)) {
      tensor.requires_grad_(true);
      parameters.push_back({name, tensor, true});
    }
    return parameters;
  }
  decoder.visit([&](const std::string& name, at::Tensor& weight) {
    weight = weight.detach().clone().requires_grad_(true);
    parameters.push_back({name, weight, decays(name)});
  });
  if (decoder.spec.tied_embeddings) decoder.lm_head = decoder.embed_tokens;
  return parameters;
}

}  // namespace swift::train
