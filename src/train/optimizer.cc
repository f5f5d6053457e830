#include "train/optimizer.h"

#include <cmath>

#include "base/error.h"

namespace swift::train {

using at::Tensor;

bool is_embedding(const std::string& name) {
  return name.find("embed_tokens") != std::string::npos || name.find("lm_head") != std::string::npos;
}

Optimizer::Optimizer(std::vector<Parameter> parameters,
                     const std::function<bool(size_t index)>& without_master)
    : parameters_(std::move(parameters)) {
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const Tensor value = parameters_[i].value.detach();
    if (without_master && without_master(i)) {
      weights_.emplace_back();
    } else {
      weights_.push_back(value.scalar_type() == at::kFloat ? value : value.to(at::kFloat));
    }
  }
}

namespace {

// The norm and the factor stay on the device; factor 1 leaves a gradient as it is.
Tensor clip_there(std::vector<Tensor> grads, double max_norm) {
  std::vector<Tensor> norms;
  for (const Tensor& norm : at::_foreach_norm(grads, 2)) norms.push_back(norm.to(at::kDouble));
  const Tensor norm = at::stack(norms).square().sum().sqrt();
  if (max_norm <= 0) return norm;
  const Tensor factor = (max_norm / (norm + 1e-6)).where(norm > max_norm, at::ones_like(norm));
  at::_foreach_mul_(grads, factor.to(at::kFloat));
  return norm;
}

}  // namespace

Tensor Optimizer::clip(double max_norm) {
  if (device() != nullptr) {
    std::vector<Tensor> grads;
    for (const Parameter& parameter : parameters_) {
      if (parameter.value.grad().defined()) grads.push_back(parameter.value.mutable_grad());
    }
    const at::NoGradGuard no_grad;
    return grads.empty() ? at::zeros({}, at::kDouble) : clip_there(std::move(grads), max_norm);
  }
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
  return at::scalar_tensor(norm, at::kDouble);
}

void Optimizer::step(double learning_rate) {
  for (size_t i = 0; i < size(); ++i) {
    if (parameters_[i].value.grad().defined()) step_one(i, learning_rate);
  }
}

void Optimizer::step_one(size_t index, double learning_rate) {
  at::NoGradGuard no_grad;
  const Parameter& parameter = parameters_[index];
  update(index, parameter.value.grad().to(at::kFloat), learning_rate * parameter.lr_scale);
  Tensor value = parameter.value.detach();
  if (weights_[index].defined() && value.scalar_type() != at::kFloat) value.copy_(weights_[index]);
}

void Optimizer::zero_grad() {
  std::vector<Tensor> kept;
  for (const Parameter& parameter : parameters_) {
    Tensor& grad = parameter.value.mutable_grad();
    if (keeps_gradients_ && grad.defined()) {
      kept.push_back(grad);
    } else {
      grad = Tensor();
    }
  }
  const at::NoGradGuard no_grad;
  if (!kept.empty()) at::_foreach_zero_(kept);
}

model::NamedTensors Optimizer::state() const {
  model::NamedTensors state;
  for (size_t i = 0; i < size(); ++i) {
    append_state(i, state);
    if (weights_[i].defined() && parameters_[i].value.scalar_type() != at::kFloat)
      state.emplace_back("master." + parameters_[i].name, weights_[i]);
  }
  return state;
}

void Optimizer::load_state(const model::TensorFiles& files) {
  at::NoGradGuard no_grad;
  for (const auto& [name, tensor] : state()) {
    const Tensor saved = files.get(name);
    if (saved.sizes() != tensor.sizes() || saved.scalar_type() != tensor.scalar_type()) {
      throw base::Error(
          base::ExitCode::model,
          "the optimizer state '" + name + "' has another shape or type: it belongs to another run",
          {files.origin()});
    }
    Tensor target = tensor;
    target.copy_(saved);
  }
  state_loaded();
}

}  // namespace swift::train
