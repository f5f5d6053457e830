#include "train/optimizers/adamw.h"

#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;

AdamWState::AdamWState(const Tensor& like) {
  const auto wide = like.options().dtype(at::kFloat).requires_grad(false);
  exp_avg_ = at::zeros(like.sizes(), wide);
  exp_avg_sq_ = at::zeros(like.sizes(), wide);
  step_ = at::zeros({}, at::kFloat);
}

void AdamWState::update(Tensor& weight, const Tensor& grad, double learning_rate,
                        const OptimizerSettings& settings, bool decay) {
  const double weight_decay = decay ? settings.weight_decay : 0;
  if (const ops::DeviceOps* device = ops::device_ops(weight)) {
    device->adamw({next(weight, grad.contiguous(), {}, learning_rate, weight_decay)},
                  adam_settings(settings));
    return;
  }
  step_.add_(1);
  at::_fused_adamw_({weight}, {grad.contiguous()}, {exp_avg_}, {exp_avg_sq_}, {}, {step_}, learning_rate,
                    settings.beta1, settings.beta2, weight_decay, settings.epsilon, false, false);
}

ops::AdamTensors AdamWState::next(const Tensor& weight, const Tensor& grad, const Tensor& master,
                                  double learning_rate, double weight_decay) {
  step_.add_(1);
  return {weight, grad, master,        exp_avg_,     exp_avg_sq_,
          {},     {},   learning_rate, weight_decay, step_.item<int64_t>()};
}

void AdamWState::append(const std::string& name, model::NamedTensors& state) const {
  state.emplace_back("exp_avg." + name, exp_avg_);
  state.emplace_back("exp_avg_sq." + name, exp_avg_sq_);
  state.emplace_back("step." + name, step_);
}

namespace {

class AdamW final : public Optimizer {
 public:
  AdamW(Parameters parameters, const OptimizerSettings& settings)
      : Optimizer(std::move(parameters)), settings_(settings) {
    for (size_t i = 0; i < size(); ++i) states_.emplace_back(parameter(i).value);
  }

  void step(double learning_rate) override {
    if (device() == nullptr) return Optimizer::step(learning_rate);
    step_together(
        learning_rate, [this](size_t i, auto&&... of) { return states_[i].next(of...); },
        settings_.weight_decay, adam_settings(settings_));
  }

 private:
  void update(size_t index, const Tensor& grad, double learning_rate) override {
    states_[index].update(weight(index), grad, learning_rate, settings_, parameter(index).decay);
  }
  void append_state(size_t index, model::NamedTensors& state) const override {
    states_[index].append(parameter(index).name, state);
  }

  OptimizerSettings settings_;
  std::vector<AdamWState> states_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<AdamW>(std::move(parameters), settings);
}

}  // namespace swift::train
