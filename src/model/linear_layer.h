// A linear of the model: frozen or trained weight, optional bias, optional LoRA or DoRA.
#pragma once
#include <optional>
#include <string>

#include "ops/linear.h"

namespace swift::model {

// What DoRA adds to a low-rank pair; fp32.
struct Dora {
  at::Tensor magnitude;  // (out), trained
  at::Tensor squares;    // (out), squared norm of each row of the frozen weight
  at::Tensor norms;      // (out), norm of each row of W + scale · B · A for the present A and B
};

// Low-rank pair of one linear, fp32 whatever the model's type.
struct LoraPair {
  at::Tensor a;  // (rank, in)
  at::Tensor b;  // (out, rank)
  double scale = 1.0;
  double dropout = 0.0;
  uint64_t id = 0;  // separates the dropout masks of different linears
  std::optional<Dora> dora;
  // PiSSA: the pair at the start of training, whose product was taken out of the weight. Else undefined.
  at::Tensor start_a, start_b;
};

struct LinearLayer {
  std::string name;   // module path, such as model.layers.0.self_attn.q_proj
  at::Tensor weight;  // (out, in)
  at::Tensor bias;    // (out) or undefined
  std::optional<LoraPair> lora;

  // x (tokens, in) to (tokens, out). dropout_key 0: no dropout (evaluation). Dropout acts on the input of the
  // low-rank product alone, with DoRA too.
  at::Tensor forward(const at::Tensor& x, uint64_t dropout_key = 0) const;

  // Brings DoRA's norms up to date with A and B; whoever changes those calls it. Does nothing without DoRA.
  void refresh_norms();
};

}  // namespace swift::model
