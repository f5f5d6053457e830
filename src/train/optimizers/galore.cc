// GaLore (arXiv 2403.03507) as galore_torch's GaLoreAdamW: Adam in the space of the gradient's first singular
// vectors, renewed every galore_update_proj_gap updates; the moments stay as they are. Epsilon is added
// before bias correction and weight decay comes last, for what is not projected too.
#include <optional>

#include "train/optimizers/adam_moments.h"
#include "train/optimizers/projection.h"
#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

struct Slot {
  std::optional<Side> side;  // of what is projected
  Basis basis;               // zeros until the first update
  std::unique_ptr<AdamMoments> moments;
};

class Galore final : public Optimizer {
 public:
  Galore(Parameters parameters, const OptimizerSettings& settings, bool eight_bit)
      : Optimizer(std::move(parameters)), settings_(settings) {
    const auto projected = projected_parameters(this->parameters(), settings.galore);
    for (size_t i = 0; i < size(); ++i)
      slots_.push_back(projected[i] ? projected_slot(i, eight_bit) : plain_slot(i, eight_bit));
  }

 private:
  Slot plain_slot(size_t index, bool eight_bit) {
    const bool codes = eight_bit && !is_embedding(parameter(index).name);
    return {{}, {}, std::make_unique<AdamMoments>(weight(index).sizes(), weight(index).options(), codes)};
  }

  Slot projected_slot(size_t index, bool eight_bit) {
    const GaloreSettings& galore = settings_.galore;
    const auto options = weight(index).options();
    const int64_t rows = weight(index).size(0), columns = weight(index).size(1);
    Slot slot;
    slot.side = side_of(galore.projection, rows, columns);
    if (slot.side != Side::right) slot.basis.left = at::zeros({rows, galore.rank}, options);
    if (slot.side != Side::left) slot.basis.right = at::zeros({galore.rank, columns}, options);
    slot.moments = std::make_unique<AdamMoments>(projected_sizes(*slot.side, rows, columns, galore.rank),
                                                 options, eight_bit);
    return slot;
  }

  void update(size_t index, const Tensor& grad, double learning_rate) override {
    Slot& slot = slots_[index];
    const GaloreSettings& galore = settings_.galore;
    if (slot.side) {
      if (slot.moments->steps() % galore.update_gap == 0)
        slot.basis = basis_of(grad, *slot.side, galore.rank);
      const Tensor direction = slot.moments->direction(project(slot.basis, grad), settings_, Epsilon::raw);
      weight(index).add_(project_back(slot.basis, direction), -learning_rate * galore.scale);
    } else {
      weight(index).add_(slot.moments->direction(grad, settings_, Epsilon::raw), -learning_rate);
    }
    if (parameter(index).decay) weight(index).mul_(1 - learning_rate * settings_.weight_decay);
  }

  void append_state(size_t index, model::NamedTensors& state) const override {
    const Slot& slot = slots_[index];
    const std::string& name = parameter(index).name;
    if (slot.basis.left.defined()) state.emplace_back("projection_left." + name, slot.basis.left);
    if (slot.basis.right.defined()) state.emplace_back("projection_right." + name, slot.basis.right);
    slot.moments->append(name, state);
  }

  OptimizerSettings settings_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Optimizer> make_galore(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<Galore>(std::move(parameters), settings, false);
}

std::unique_ptr<Optimizer> make_galore_8bit(Parameters parameters, const OptimizerSettings& settings) {
  return std::make_unique<Galore>(std::move(parameters), settings, true);
}

}  // namespace swift::train
