#include "train/optimizer.h"

#include <cmath>

#include "base/error.h"

namespace swift::train {

using at::Tensor;

AdamW::AdamW(std::vector<Parameter> parameters, AdamWSettings settings)
    : parameters_(std::move(parameters)), settings_(settings), groups_(2) {
  groups_[0].weight_decay = settings.weight_decay;
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor& value = parameters_[i].value;
    Group& group = groups_[parameters_[i].decay ? 0 : 1];
    const auto wide = value.options().dtype(at::kFloat).requires_grad(false);
    group.index.push_back(i);
    group.masters.push_back(value.scalar_type() == at::kFloat ? value.detach()
                                                              : value.detach().to(at::kFloat));
    group.exp_avgs.push_back(at::zeros(value.sizes(), wide));
    group.exp_avg_sqs.push_back(at::zeros(value.sizes(), wide));
    group.steps.push_back(at::zeros({}, wide));
  }
}

double AdamW::clip(double max_norm) {
  double squares = 0;
  for (const Parameter& parameter : parameters_) {
    const Tensor& grad = parameter.value.grad();
    if (grad.defined())
      squares += std::pow(at::linalg_vector_norm(grad, 2, {}, false, at::kFloat).item<double>(), 2);
  }
  const double norm = std::sqrt(squares);
  if (max_norm > 0 && norm > max_norm) {
    const double scale = max_norm / (norm + 1e-6);
    for (const Parameter& parameter : parameters_) {
      if (parameter.value.grad().defined()) parameter.value.mutable_grad().mul_(scale);
    }
  }
  return norm;
}

void AdamW::step(double learning_rate) {
  at::NoGradGuard no_grad;
  for (Group& group : groups_) {
    if (group.index.empty()) continue;
    std::vector<Tensor> grads, values, averages, squares, steps;
    for (size_t i = 0; i < group.index.size(); ++i) {
      const Tensor grad = parameters_[group.index[i]].value.grad();
      if (!grad.defined()) continue;
      grads.push_back(grad.to(at::kFloat));
      values.push_back(group.masters[i]);
      averages.push_back(group.exp_avgs[i]);
      squares.push_back(group.exp_avg_sqs[i]);
      group.steps[i].add_(1);
      steps.push_back(group.steps[i]);
    }
    if (grads.empty()) continue;
    at::_fused_adamw_(values, grads, averages, squares, {}, steps, learning_rate, settings_.beta1,
                      settings_.beta2, group.weight_decay, settings_.epsilon, false, false);
    for (size_t i = 0; i < group.index.size(); ++i) {
      Tensor value = parameters_[group.index[i]].value.detach();
      if (value.scalar_type() != at::kFloat) value.copy_(group.masters[i]);
    }
  }
}

void AdamW::zero_grad() {
  for (const Parameter& parameter : parameters_) parameter.value.mutable_grad() = Tensor();
}

model::NamedTensors AdamW::state() const {
  model::NamedTensors state;
  for (const Group& group : groups_) {
    for (size_t i = 0; i < group.index.size(); ++i) {
      const Parameter& parameter = parameters_[group.index[i]];
      state.emplace_back("exp_avg." + parameter.name, group.exp_avgs[i]);
      state.emplace_back("exp_avg_sq." + parameter.name, group.exp_avg_sqs[i]);
      state.emplace_back("step." + parameter.name, group.steps[i]);
      if (parameter.value.scalar_type() != at::kFloat)
        state.emplace_back("master." + parameter.name, group.masters[i]);
    }
  }
  return state;
}

void AdamW::load_state(const model::TensorFiles& files) {
  at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state()) {
    const Tensor saved = files.get(name);
    if (saved.sizes() != tensor.sizes()) {
      throw base::Error(base::ExitCode::model,
                        "the optimizer state '" + name + "' has another shape: it belongs to another run",
                        {files.origin()});
    }
    Tensor target = tensor;
    target.copy_(saved);
  }
}

}  // namespace swift::train
