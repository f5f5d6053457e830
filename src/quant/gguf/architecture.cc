#include "quant/gguf/architecture.h"

#include <array>

#include "base/error.h"
#include "base/format.h"

namespace swift::quant::gguf {
namespace {

using base::cat;
using model::ModelSpec;
using Rope = model::RopeSpec::Type;

constexpr uint32_t kQuantizationVersion = 2;  // of the block layouts

struct Family {
  const char* architecture;
  const char* name;
  bool output_bias;  // of o_proj
  bool mlp_bias;
  bool rope_factors;  // reads rope_freqs, which llama3 scaling needs
};
constexpr std::array<Family, 4> kFamilies = {{
    {"LlamaForCausalLM", "llama", true, true, true},
    {"Qwen2ForCausalLM", "qwen2", false, false, false},
    {"Qwen3ForCausalLM", "qwen3", false, false, false},
    {"Qwen3MoeForCausalLM", "qwen3moe", false, false, false},
}};

[[noreturn]] void refuse(const ModelSpec& spec, const std::string& what) {
  throw base::Error(base::ExitCode::model, cat("llama.cpp cannot run this ", spec.architecture, ": ", what),
                    {}, "export it as safetensors");
}

void check_experts(const ModelSpec& spec) {
  for (int64_t layer = 0; layer < spec.layers; ++layer) {
    if (!spec.moe.at(layer)) refuse(spec, cat("layer ", layer, " has no experts, and it wants them in all"));
  }
  if (!spec.moe.norm_topk_prob)
    refuse(spec, "norm_topk_prob is false, and it always makes the shares of a token's experts sum to 1");
}

const Family& family_of(const ModelSpec& spec) {
  if (spec.scores > 0)
    throw base::Error(base::ExitCode::model, "a reward model cannot be written as GGUF", {},
                      "export it as safetensors");
  for (const Family& family : kFamilies) {
    if (spec.architecture == family.architecture) return family;
  }
  refuse(spec, "it has no such architecture");
}

}  // namespace

std::string architecture_of(const ModelSpec& spec) {
  const Family& family = family_of(spec);
  const auto& a = spec.attention;
  if (a.o_bias && !family.output_bias) refuse(spec, "it reads no bias of o_proj (attention_bias)");
  if (spec.mlp_bias && !family.mlp_bias) refuse(spec, "it reads no biases of the MLP (mlp_bias)");
  if (spec.rope.type == Rope::llama3 && !family.rope_factors)
    refuse(spec, "it reads the rope type llama3 for LlamaForCausalLM alone");
  if (spec.architecture == "Qwen2ForCausalLM" && a.heads * a.head_dim != spec.hidden)
    refuse(spec, "it needs head_dim = hidden_size / num_attention_heads");
  if (spec.architecture == "Qwen3MoeForCausalLM") check_experts(spec);
  return family.name;
}

void describe_model(const ModelSpec& spec, const std::string& name, FileType type, Metadata& metadata) {
  const std::string architecture = architecture_of(spec), prefix = architecture + ".";
  const auto& a = spec.attention;
  const auto count = [&](const char* key, int64_t value) {
    metadata.add(prefix + key, static_cast<uint32_t>(value));
  };
  metadata.add("general.architecture", architecture);
  metadata.add("general.type", "model");
  metadata.add("general.name", name);
  metadata.add("general.file_type", number_of(type));
  metadata.add("general.quantization_version", kQuantizationVersion);
  count("block_count", spec.layers);
  count("context_length", spec.max_positions);
  count("embedding_length", spec.hidden);
  count("feed_forward_length", spec.intermediate);
  count("vocab_size", spec.vocab);
  count("attention.head_count", a.heads);
  count("attention.head_count_kv", a.kv_heads);
  count("attention.key_length", a.head_dim);
  count("attention.value_length", a.head_dim);
  metadata.add(prefix + "attention.layer_norm_rms_epsilon", static_cast<float>(spec.norm_eps));
  count("rope.dimension_count", a.head_dim);
  metadata.add(prefix + "rope.freq_base", static_cast<float>(spec.rope.theta));
  if (spec.rope.type == Rope::linear) {
    metadata.add(prefix + "rope.scaling.type", "linear");
    metadata.add(prefix + "rope.scaling.factor", static_cast<float>(spec.rope.factor));
  }
  if (spec.moe.sparse.empty()) return;
  count("expert_count", spec.moe.experts);
  count("expert_used_count", spec.moe.per_token);
  count("expert_feed_forward_length", spec.moe.intermediate);
}

}  // namespace swift::quant::gguf
