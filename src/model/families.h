// The model families that run natively. A new family is one file in families/ and one row in families.cc.
#pragma once
#include <string>
#include <vector>

#include "model/hf_config.h"
#include "model/spec.h"

namespace swift::model {

// The part shared by Llama's descendants: sizes, GQA, RoPE, tied embeddings. Throws base::Error(model).
ModelSpec llama_like(const HfConfig& config);

ModelSpec llama(const HfConfig& config);
ModelSpec qwen2(const HfConfig& config);
ModelSpec qwen3(const HfConfig& config);
ModelSpec qwen3_moe(const HfConfig& config);

// Reads the spec of any supported architecture. Throws base::Error(model) that lists the supported ones.
ModelSpec read_spec(const HfConfig& config);
std::vector<std::string> supported_architectures();

}  // namespace swift::model
