// Stochastic gradient descent as torch.optim.SGD: weight decay is added to the gradient; optim_args gives
// momentum and nesterov. Without momentum there is no state.
#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

class Sgd final : public Optimizer {
 public:
  Sgd(Parameters parameters, const OptimizerSettings& settings)
      : Optimizer(std::move(parameters)),
        weight_decay_(settings.weight_decay),
        momentum_(settings.args.momentum.value_or(0)),
        nesterov_(settings.args.nesterov.value_or(false)) {
    if (momentum_ == 0) return;
    for (size_t i = 0; i < size(); ++i) buffers_.push_back(at::zeros_like(weight(i)));
  }

 private:
  void update(size_t index, const Tensor& grad, double learning_rate) override {
    Tensor direction = grad;
    if (parameter(index).decay && weight_decay_ > 0) direction = grad.add(weight(index), weight_decay_);
    if (momentum_ > 0) {
      buffers_[index].mul_(momentum_).add_(direction);
      direction = nesterov_ ? direction.add(buffers_[index], momentum_) : buffers_[index];
    }
    weight(index).add_(direction, -learning_rate);
  }
  void append_state(size_t index, model::NamedTensors& state) const override {
    if (momentum_ > 0) state.emplace_back("momentum." + parameter(index).name, buffers_[index]);
  }

  double weight_decay_;
  double momentum_;
  bool nesterov_;
  std::vector<Tensor> buffers_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<Sgd>(std::move(parameters), settings);
}

}  // namespace swift::train
