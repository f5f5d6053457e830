// Mixture of experts instead of one MLP (Shazeer et al. 2017; Fedus et al. 2022): a router gives every token
// to its top-k experts. Oracle: transformers 5.19 Qwen3MoeSparseMoeBlock.
#pragma once
#include <string>
#include <vector>

#include "model/linear_layer.h"
#include "model/router_balance.h"
#include "model/safetensors.h"
#include "model/spec.h"

namespace swift::model {

struct Expert {
  LinearLayer gate, up, down;  // (intermediate, hidden), down (hidden, intermediate)
};

// y (tokens, hidden) to (tokens, hidden). scores (tokens, experts) of the router; their softmax is in fp32.
// Tokens are sorted by expert, so that each expert runs one product a linear. balance: takes in the router's
// choice at `layer`; null outside of training.
at::Tensor mix_experts(const at::Tensor& y, const at::Tensor& scores, const std::vector<Expert>& experts,
                       const MoeSpec& spec, const ops::DropoutKey& dropout_key, RouterBalance* balance,
                       int64_t layer);

// A weight by name. One of an expert may also lie in the tensor over all experts of its layer:
// mlp.experts.gate_up_proj (experts, 2 * intermediate, hidden) and mlp.experts.down_proj (experts, hidden,
// intermediate). Throws base::Error(model) when it is absent.
at::Tensor find_weight(const TensorFiles& files, const std::string& name);

}  // namespace swift::model
