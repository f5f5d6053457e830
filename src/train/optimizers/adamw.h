// AdamW with decoupled weight decay (Loshchilov & Hutter 2019) as torch.optim.AdamW computes it, on ATen's
// fused kernel.
#pragma once
#include "train/optimizer.h"
#include "train/optimizers/settings.h"

namespace swift::train {

// The fp32 moments of one tensor; other optimizers use it for what they leave to AdamW.
class AdamWState {
 public:
  explicit AdamWState(const at::Tensor& like);
  // weight, grad: fp32 of the same shape.
  void update(at::Tensor& weight, const at::Tensor& grad, double learning_rate,
              const OptimizerSettings& settings, bool decay);
  // A step on a device: what its kernel takes. master: undefined when the weight is fp32.
  ops::AdamTensors next(const at::Tensor& weight, const at::Tensor& grad, const at::Tensor& master,
                        double learning_rate, double weight_decay);
  // "exp_avg.<name>", "exp_avg_sq.<name>", "step.<name>".
  void append(const std::string& name, model::NamedTensors& state) const;

 private:
  at::Tensor exp_avg_, exp_avg_sq_;
  at::Tensor step_;  // () fp32, in host memory
};

}  // namespace swift::train
