// Lion (Chen et al., arXiv 2302.06675): the sign of an interpolated momentum, decoupled weight decay first.
// The betas are adam_beta1 and adam_beta2, as transformers' lion_32bit takes them.
#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

class Lion final : public Optimizer {
 public:
  Lion(Parameters parameters, const OptimizerSettings& settings)
      : Optimizer(std::move(parameters)), settings_(settings) {
    for (size_t i = 0; i < size(); ++i) exp_avgs_.push_back(at::zeros_like(weight(i)));
  }

 private:
  void update(size_t index, const Tensor& grad, double learning_rate) override {
    Tensor& average = exp_avgs_[index];
    if (parameter(index).decay) weight(index).mul_(1 - learning_rate * settings_.weight_decay);
    weight(index).add_(average.mul(settings_.beta1).add_(grad, 1 - settings_.beta1).sign_(), -learning_rate);
    average.mul_(settings_.beta2).add_(grad, 1 - settings_.beta2);
  }
  void append_state(size_t index, model::NamedTensors& state) const override {
    state.emplace_back("exp_avg." + parameter(index).name, exp_avgs_[index]);
  }

  OptimizerSettings settings_;
  std::vector<Tensor> exp_avgs_;
};

}  // namespace

std::unique_ptr<Optimizer> make_lion(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<Lion>(std::move(parameters), settings);
}

}  // namespace swift::train
