// A linear of the model: frozen or trained weight, optional bias, optional LoRA.
#pragma once
#include <optional>
#include <string>

#include "ops/linear.h"

namespace swift::model {

// Low-rank pair of one linear, fp32 whatever the model's type.
struct LoraPair {
  at::Tensor a;  // (rank, in)
  at::Tensor b;  // (out, rank)
  double scale = 1.0;
  double dropout = 0.0;
  uint64_t id = 0;  // separates the dropout masks of different linears
};

struct LinearLayer {
  std::string name;   // module path, such as model.layers.0.self_attn.q_proj
  at::Tensor weight;  // (out, in)
  at::Tensor bias;    // (out) or undefined
  std::optional<LoraPair> lora;

  // x (tokens, in) to (tokens, out). dropout_key 0: no dropout (evaluation).
  at::Tensor forward(const at::Tensor& x, uint64_t dropout_key = 0) const;
};

}  // namespace swift::model
