// Llama 2 and 3: pre-norm decoder, GQA, gated SiLU MLP, optional biases. Oracle: transformers 5.19
// LlamaForCausalLM.
#include "model/families.h"

namespace swift::model {

ModelSpec llama(const HfConfig& config) {
  ModelSpec spec = llama_like(config);
  spec.attention.qkv_bias = config.boolean("attention_bias", false);
  spec.attention.o_bias = spec.attention.qkv_bias;
  spec.mlp_bias = config.boolean("mlp_bias", false);
  return spec;
}

}  // namespace swift::model
