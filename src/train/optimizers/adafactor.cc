// Adafactor (Shazeer & Stern, arXiv 1804.04235) as transformers.optimization.Adafactor computes it, with the
// Trainer's settings: learning_rate instead of a relative step, no scaling by the parameter unless optim_args
// asks for it, no first moment. A matrix (..., n, m)
// keeps row means (..., n) and column means (..., m) of the squared gradient instead of all of it.
#include <cmath>

#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

constexpr double kFloor = 1e-30;      // added to squared gradients
constexpr double kScaleFloor = 1e-3;  // least root mean square that a parameter is taken to have

Tensor rms(const Tensor& tensor) {
  return at::linalg_vector_norm(tensor).div_(std::sqrt(static_cast<double>(tensor.numel())));
}

struct Factors {
  Tensor row, column, full;  // row and column, or full for vectors
  Tensor step;
};

class Adafactor final : public Optimizer {
 public:
  Adafactor(Parameters parameters, const OptimizerSettings& settings)
      : Optimizer(std::move(parameters)), weight_decay_(settings.weight_decay), args_(settings.args) {
    for (size_t i = 0; i < size(); ++i) {
      const Tensor& like = weight(i);
      Factors factors;
      factors.step = at::zeros({}, like.options());
      if (like.dim() >= 2) {
        factors.row = at::zeros_like(like.select(-1, 0), at::MemoryFormat::Contiguous);
        factors.column = at::zeros_like(like.select(-2, 0), at::MemoryFormat::Contiguous);
      } else {
        factors.full = at::zeros_like(like);
      }
      factors_.push_back(std::move(factors));
    }
  }

 private:
  // The gradient over the root of its mean square.
  static Tensor normalised(Factors& factors, const Tensor& grad, double beta2) {
    const Tensor squares = grad.square().add_(kFloor);
    if (factors.full.defined()) {
      factors.full.mul_(beta2).add_(squares, 1 - beta2);
      return factors.full.rsqrt().mul_(grad);
    }
    factors.row.mul_(beta2).add_(squares.mean(-1), 1 - beta2);
    factors.column.mul_(beta2).add_(squares.mean(-2), 1 - beta2);
    const Tensor rows = (factors.row / factors.row.mean(-1, true)).rsqrt_().unsqueeze(-1);
    return at::mul(rows, factors.column.unsqueeze(-2).rsqrt()).mul_(grad);
  }

  void update(size_t index, const Tensor& grad, double learning_rate) override {
    Factors& factors = factors_[index];
    Tensor& value = weight(index);
    factors.step.add_(1);
    const double step = factors.step.item<double>();
    double lr = learning_rate;
    if (args_.scale_parameter) lr *= std::max(kScaleFloor, rms(value).item<double>());
    Tensor change = normalised(factors, grad, 1 - std::pow(step, args_.decay_rate));
    change.div_(rms(change).div_(args_.clip_threshold).clamp_min_(1)).mul_(lr);
    if (parameter(index).decay && weight_decay_ > 0) value.add_(value, -weight_decay_ * lr);
    value.sub_(change);
  }

  void append_state(size_t index, model::NamedTensors& state) const override {
    const Factors& factors = factors_[index];
    const std::string& name = parameter(index).name;
    if (factors.full.defined()) {
      state.emplace_back("exp_avg_sq." + name, factors.full);
    } else {
      state.emplace_back("exp_avg_sq_row." + name, factors.row);
      state.emplace_back("exp_avg_sq_col." + name, factors.column);
    }
    state.emplace_back("step." + name, factors.step);
  }

  double weight_decay_;
  config::OptimArgs args_;
  std::vector<Factors> factors_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adafactor(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<Adafactor>(std::move(parameters), settings);
}

}  // namespace swift::train
