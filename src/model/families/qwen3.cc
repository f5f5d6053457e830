// Qwen3 dense: per-head RMSNorm on q and k before RoPE. Oracle: transformers 5.19 Qwen3ForCausalLM.
#include "model/families.h"

namespace swift::model {

ModelSpec qwen3(const HfConfig& config) {
  ModelSpec spec = llama_like(config);
  spec.attention.head_dim = config.integer("head_dim", 128);
  spec.attention.qk_norm = QkNorm::per_head;
  spec.attention.qkv_bias = config.boolean("attention_bias", false);
  spec.attention.o_bias = spec.attention.qkv_bias;
  if (config.boolean("use_sliding_window", false))
    config.fail("sliding-window attention is not supported yet");
  return spec;
}

}  // namespace swift::model
