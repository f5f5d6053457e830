// Qwen3 with a mixture of experts in all or some layers. Oracle: transformers 5.19 Qwen3MoeForCausalLM.
#include <algorithm>

#include "model/families.h"

namespace swift::model {
namespace {

constexpr int64_t kMostExperts = 4096;

std::vector<int64_t> dense_layers(const HfConfig& config) {
  std::vector<int64_t> layers;
  if (!config.has("mlp_only_layers")) return layers;
  const base::Json& given = config.json().at("mlp_only_layers");
  const auto whole = [](const base::Json& item) { return item.is_number_integer(); };
  if (!given.is_array() || !std::all_of(given.begin(), given.end(), whole))
    config.fail("'mlp_only_layers' must be a list of layer numbers");
  return given.get<std::vector<int64_t>>();
}

}  // namespace

ModelSpec qwen3_moe(const HfConfig& config) {
  ModelSpec spec = qwen3(config);
  spec.attention.head_dim = config.integer("head_dim", spec.hidden / spec.attention.heads);
  // transformers 5 writes num_local_experts.
  spec.moe.experts =
      config.has("num_experts") ? config.integer("num_experts") : config.integer("num_local_experts", 128);
  spec.moe.per_token = config.integer("num_experts_per_tok", 8);
  spec.moe.intermediate = config.integer("moe_intermediate_size", 768);
  spec.moe.norm_topk_prob = config.boolean("norm_topk_prob", false);
  const int64_t step = config.integer("decoder_sparse_step", 1);
  if (spec.moe.experts < 0 || spec.moe.experts > kMostExperts) config.fail("num_experts is implausible");
  if (spec.moe.experts == 0) return spec;
  if (spec.moe.per_token < 1 || spec.moe.per_token > spec.moe.experts)
    config.fail("num_experts_per_tok must be from 1 to num_experts");
  if (spec.moe.intermediate < 1) config.fail("moe_intermediate_size must be positive");
  if (step < 1) config.fail("decoder_sparse_step must be positive");
  const auto dense = dense_layers(config);
  for (int64_t layer = 0; layer < std::clamp<int64_t>(spec.layers, 0, 10'000); ++layer) {
    const bool listed = std::find(dense.begin(), dense.end(), layer) != dense.end();
    spec.moe.sparse.push_back(!listed && (layer + 1) % step == 0);
  }
  return spec;
}

}  // namespace swift::model
