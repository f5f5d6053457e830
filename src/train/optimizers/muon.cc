// Muon (Jordan et al. 2024) as torch.optim.Muon computes it: the momentum of each hidden matrix made nearly
// orthogonal by Newton-Schulz iterations in bf16. Embeddings, the output head, vectors go to AdamW with the
// same learning rate; adjust_lr_fn=match_rms_adamw gives both updates the same size.
#include <cmath>

#include "train/optimizers/adamw.h"
#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

// Of the quintic a x + b x^3 + c x^5, chosen by its author for the steepest slope at 0.
constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315;
constexpr double kLeastNorm = 1e-7;

// bf16 (rows, columns) with singular values near 1.
Tensor orthogonal(const Tensor& momentum, int64_t iterations) {
  const bool tall = momentum.size(0) > momentum.size(1);
  Tensor x = momentum.to(at::kBFloat16);
  if (tall) x = x.t();
  x = x.div(x.norm().clamp_min(kLeastNorm));
  for (int64_t i = 0; i < iterations; ++i) {
    const Tensor gram = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, kB, kC), x, kA);
  }
  return tall ? x.t() : x;
}

double shape_factor(const std::string& function, const Tensor& weight) {
  const auto rows = static_cast<double>(weight.size(0)), columns = static_cast<double>(weight.size(1));
  if (function == "match_rms_adamw") return 0.2 * std::sqrt(std::max(rows, columns));
  return std::sqrt(std::max(1.0, rows / columns));
}

class Muon final : public Optimizer {
 public:
  Muon(Parameters parameters, const OptimizerSettings& settings)
      : Optimizer(std::move(parameters)),
        settings_(settings),
        momentum_(settings.args.momentum.value_or(0.95)),
        nesterov_(settings.args.nesterov.value_or(true)) {
    for (size_t i = 0; i < size(); ++i) {
      const bool hidden = weight(i).dim() == 2 && !is_embedding(parameter(i).name);
      buffers_.push_back(hidden ? at::zeros_like(weight(i)) : Tensor());
      rest_.emplace_back(hidden ? at::empty({0}, weight(i).options()) : weight(i));
    }
  }

 private:
  void update(size_t index, const Tensor& grad, double learning_rate) override {
    Tensor& buffer = buffers_[index];
    if (!buffer.defined()) {
      rest_[index].update(weight(index), grad, learning_rate, settings_, parameter(index).decay);
      return;
    }
    buffer.lerp_(grad, 1 - momentum_);
    const Tensor direction =
        orthogonal(nesterov_ ? grad.lerp(buffer, momentum_) : buffer, settings_.args.ns_steps);
    if (parameter(index).decay) weight(index).mul_(1 - learning_rate * settings_.weight_decay);
    weight(index).add_(direction, -learning_rate * shape_factor(settings_.args.adjust_lr_fn, weight(index)));
  }
  void append_state(size_t index, model::NamedTensors& state) const override {
    const std::string& name = parameter(index).name;
    if (!buffers_[index].defined()) return rest_[index].append(name, state);
    state.emplace_back("momentum." + name, buffers_[index]);
  }

  OptimizerSettings settings_;
  double momentum_;
  bool nesterov_;
  std::vector<Tensor> buffers_;   // undefined for what AdamW updates
  std::vector<AdamWState> rest_;  // empty for hidden matrices
};

}  // namespace

std::unique_ptr<Optimizer> make_muon(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<Muon>(std::move(parameters), settings);
}

}  // namespace swift::train
