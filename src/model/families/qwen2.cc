// Qwen2 and Qwen2.5 dense: Llama with biases on q, k and v. Oracle: transformers 5.19 Qwen2ForCausalLM.
#include "model/families.h"

namespace swift::model {

ModelSpec qwen2(const HfConfig& config) {
  ModelSpec spec = llama_like(config);
  spec.attention.qkv_bias = true;
  if (config.boolean("use_sliding_window", false))
    config.fail("sliding-window attention is not supported yet");
  return spec;
}

}  // namespace swift::model
