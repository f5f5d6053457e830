// AdamW with block-wise 8-bit moments (Dettmers et al., arXiv 2110.02861), as bitsandbytes' AdamW8bit:
// 2 bytes a weight instead of 8. Embeddings and small tensors keep fp32 moments.
#include "train/optimizers/adam_moments.h"
#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

class AdamW8bit final : public Optimizer {
 public:
  AdamW8bit(Parameters parameters, const OptimizerSettings& settings)
      : Optimizer(std::move(parameters)), settings_(settings) {
    for (size_t i = 0; i < size(); ++i) {
      const bool eight_bit = !is_embedding(parameter(i).name);
      moments_.emplace_back(weight(i).sizes(), weight(i).options(), eight_bit);
    }
  }

  void step(double learning_rate) override {
    if (device() == nullptr) return Optimizer::step(learning_rate);
    step_together(
        learning_rate, [this](size_t i, auto&&... of) { return moments_[i].next(of...); },
        settings_.weight_decay, adam_settings(settings_));
  }

 private:
  void update(size_t index, const Tensor& grad, double learning_rate) override {
    if (parameter(index).decay) weight(index).mul_(1 - learning_rate * settings_.weight_decay);
    weight(index).add_(moments_[index].direction(grad, settings_, Epsilon::corrected), -learning_rate);
  }
  void append_state(size_t index, model::NamedTensors& state) const override {
    moments_[index].append(parameter(index).name, state);
  }

  OptimizerSettings settings_;
  std::vector<AdamMoments> moments_;
};

}  // namespace

std::unique_ptr<Optimizer> make_adamw_8bit(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<AdamW8bit>(std::move(parameters), settings);
}

}  // namespace swift::train
