#include "train/layerwise.h"

#include <cmath>

namespace swift::train {

using at::Tensor;

struct LayerwiseUpdates::State {
  double learning_rate = 0;
  double squares = 0;
};

class LayerwiseUpdates::Hook final : public torch::autograd::PostAccumulateGradHook {
 public:
  Hook(Optimizer& optimizer, size_t index, std::shared_ptr<State> state)
      : optimizer_(optimizer), index_(index), state_(std::move(state)) {}

  void operator()(const Tensor& parameter) override {
    const Tensor grad = parameter.grad();
    state_->squares += std::pow(at::linalg_vector_norm(grad, 2, {}, false, at::kFloat).item<double>(), 2);
    optimizer_.step_one(index_, state_->learning_rate);
    parameter.mutable_grad() = Tensor();
  }

 private:
  Optimizer& optimizer_;
  size_t index_;
  std::shared_ptr<State> state_;
};

LayerwiseUpdates::LayerwiseUpdates(Optimizer& optimizer)
    : optimizer_(optimizer), state_(std::make_shared<State>()) {
  for (size_t i = 0; i < optimizer.parameters().size(); ++i) {
    torch::autograd::impl::set_post_acc_grad_hooks(optimizer.parameters()[i].value,
                                                   std::make_unique<Hook>(optimizer, i, state_));
  }
}

LayerwiseUpdates::~LayerwiseUpdates() {
  for (const Parameter& parameter : optimizer_.parameters())
    torch::autograd::impl::set_post_acc_grad_hooks(parameter.value, nullptr);
}

void LayerwiseUpdates::begin(double learning_rate) {
  *state_ = {learning_rate, 0};
}

double LayerwiseUpdates::norm() const {
  return std::sqrt(state_->squares);
}

}  // namespace swift::train
