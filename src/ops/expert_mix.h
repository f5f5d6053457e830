// A mixture of experts with gradients on a device (model/experts.h), all experts of a layer at once: where
// rows go is known there alone, and the host does not wait for it. takes_expert_rows() of DeviceExperts says
// whether a device takes them; its tests compare each function with experts that are run one by one.
#pragma once
#include <vector>

#include "ops/device_experts.h"
#include "ops/quantized_weight.h"

namespace swift::ops {

// One linear of all experts of a layer.
struct ExpertWeights {
  std::vector<at::Tensor> weights;   // (out, in) of each expert: the values, and what takes the gradient
  std::vector<QuantizedPtr> stored;  // the values where they are kept in another form; else empty
};

struct ExpertMix {
  // scores (tokens, experts) of the router. Differentiable: probabilities and shares.
  static RoutedTokens route(const at::Tensor& scores, int64_t per_token, bool normalize);
  // x (tokens, columns) to the rows of `route` (choices, columns). Differentiable in x.
  static at::Tensor sort(const at::Tensor& x, const ExpertRoute& route);
  // x (choices, in) to (choices, out). Differentiable in x and the weights, which may be fp32 beside narrower
  // rows and are then rounded to their type. All weights get a gradient, zeros without rows.
  static at::Tensor linear(const at::Tensor& x, const ExpertWeights& weights, const ExpertRoute& route);
  // dropout.h with a key for each expert (of one base), over its own rows. Differentiable in x.
  static at::Tensor dropped(const at::Tensor& x, double p, const std::vector<DropoutKey>& keys,
                            const ExpertRoute& route);
  // rows (choices, columns) and shares (tokens, per_token) to (tokens, columns). Differentiable in both.
  // probabilities: what else waits for the backward pass of this layer (router_balance.h), or undefined.
  static at::Tensor combine(const at::Tensor& rows, const at::Tensor& shares, const at::Tensor& probabilities,
                            const ExpertRoute& route);
};

}  // namespace swift::ops
