// AdamW with decoupled weight decay (Loshchilov & Hutter 2019) as torch.optim.AdamW computes it, on ATen's
// fused kernel. States are fp32; a weight of a narrower type keeps an fp32 master beside it.
#pragma once
#include <string>
#include <vector>

#include "model/safetensors.h"
#include "ops/torch.h"

namespace swift::train {

// One trained tensor. `value` is the leaf that the model reads and whose gradient is used.
struct Parameter {
  std::string name;
  at::Tensor value;
  bool decay = true;  // weight decay applies
};

struct AdamWSettings {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
};

class AdamW {
 public:
  AdamW(std::vector<Parameter> parameters, AdamWSettings settings);

  // Global L2 norm of all gradients in fp32; when above max_norm (> 0), gradients are scaled by
  // max_norm / (norm + 1e-6), as torch's clip_grad_norm_ does. Returns the norm before clipping.
  double clip(double max_norm);
  void step(double learning_rate);
  void zero_grad();

  const std::vector<Parameter>& parameters() const { return parameters_; }
  // Moments, masters and the step count under "exp_avg.<name>", "exp_avg_sq.<name>", "master.<name>",
  // "steps".
  model::NamedTensors state() const;
  // Throws base::Error(model) when a tensor is missing or has another shape.
  void load_state(const model::TensorFiles& files);

 private:
  struct Group {
    std::vector<at::Tensor> masters, exp_avgs, exp_avg_sqs, steps;
    std::vector<size_t> index;  // into parameters_
    double weight_decay = 0;
  };
  std::vector<Parameter> parameters_;
  AdamWSettings settings_;
  std::vector<Group> groups_;
};

}  // namespace swift::train
