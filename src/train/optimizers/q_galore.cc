// Q-GaLore (arXiv 2407.08296): GaLore with 8-bit moments, the projection in INT4, weights that are stored in
// INT8 alone and updated with stochastic rounding, and a projection that is renewed ever less often while its
// first singular vector stays put.
#include <cmath>

#include "train/optimizers/adam_moments.h"
#include "train/optimizers/group_quant.h"
#include "train/optimizers/projection.h"
#include "train/optimizers/table.h"

namespace swift::train {

using at::Tensor;
namespace {

constexpr int64_t kLongestGap = int64_t{1} << 40;

// A basis of one side with its own calendar.
class LazyProjection {
 public:
  LazyProjection(int64_t rows, int64_t columns, const at::TensorOptions& options,
                 const GaloreSettings& settings)
      : settings_(settings), side_(side_of("std", rows, columns)) {
    const int64_t length = side_ == Side::left ? rows : columns;
    sizes_ = side_ == Side::left ? std::vector<int64_t>{length, settings.rank}
                                 : std::vector<int64_t>{settings.rank, length};
    if (settings.quantize_projection) {
      int4_ = int4_zeros(length * settings.rank, settings.group_size, options);
    } else {
      basis_ = at::zeros(sizes_, options);
    }
    first_vector_ = at::zeros({length}, options);
    similarities_ = at::zeros({settings.queue_size}, options.device(at::kCPU));
    calendar_ = at::tensor({int64_t{0}, settings.update_gap, int64_t{0}}, at::kLong);
  }

  Side side() const { return side_; }

  // The basis for update `step` (from 0), renewed from the gradient when that is due.
  Basis at_step(int64_t step, const Tensor& gradient) {
    if (step >= next()) renew(step, gradient);
    const Tensor stored =
        settings_.quantize_projection ? int4_decode(int4_, settings_.group_size, sizes_) : basis_;
    return side_ == Side::left ? Basis{stored, {}} : Basis{{}, stored};
  }

  void append(const std::string& name, model::NamedTensors& state) const {
    if (settings_.quantize_projection) {
      state.emplace_back("projection_int4." + name, int4_.codes);
      state.emplace_back("projection_scales." + name, int4_.scales);
      state.emplace_back("projection_zeros." + name, int4_.zeros);
    } else {
      state.emplace_back("projection." + name, basis_);
    }
    state.emplace_back("first_vector." + name, first_vector_);
    state.emplace_back("similarities." + name, similarities_);
    state.emplace_back("calendar." + name, calendar_);
  }

 private:
  int64_t& next() { return calendar_.data_ptr<int64_t>()[0]; }
  int64_t& gap() { return calendar_.data_ptr<int64_t>()[1]; }
  int64_t& renewals() { return calendar_.data_ptr<int64_t>()[2]; }

  void renew(int64_t step, const Tensor& gradient) {
    const Basis basis = basis_of(gradient, side_, settings_.rank);
    const Tensor vectors = side_ == Side::left ? basis.left : basis.right;
    const Tensor first = (side_ == Side::left ? vectors.select(1, 0) : vectors.select(0, 0)).contiguous();
    if (renewals() > 0) compare(first);
    first_vector_.copy_(first);
    ++renewals();
    next() = step + gap();
    if (settings_.quantize_projection) {
      int4_encode(vectors, settings_.group_size, int4_);
    } else {
      basis_.copy_(vectors);
    }
  }

  // A singular vector and its negative are the same axis.
  void compare(const Tensor& first) {
    const int64_t seen = renewals() - 1;
    similarities_[seen % settings_.queue_size] = at::dot(first, first_vector_).abs();
    const bool full = seen + 1 >= settings_.queue_size;
    if (full && similarities_.mean().item<double>() >= settings_.cosine_threshold)
      gap() = std::min(kLongestGap, static_cast<int64_t>(static_cast<double>(gap()) * settings_.gap_growth));
  }

  GaloreSettings settings_;
  Side side_;
  std::vector<int64_t> sizes_;
  Int4Tensor int4_;
  Tensor basis_;         // instead of int4_
  Tensor first_vector_;  // fp32, of the last renewal
  // In host memory: a device is waited for when a projection is renewed, not at each update.
  Tensor similarities_;  // ring of the last queue_size cosines
  Tensor calendar_;      // int64: update of the next renewal, gap, renewals so far
};

struct Slot {
  std::unique_ptr<LazyProjection> projection;
  std::unique_ptr<AdamMoments> moments;
  c10::intrusive_ptr<ops::Int8Weight> weight;  // null: the parameter is full
};

class QGalore final : public Optimizer {
 public:
  QGalore(Parameters parameters, const OptimizerSettings& settings, const std::vector<bool>& projected)
      : Optimizer(std::move(parameters),
                  [&](size_t index) { return projected[index] && settings.galore.quantize_weights; }),
        settings_(settings) {
    for (size_t i = 0; i < size(); ++i) slots_.push_back(make_slot(i, projected[i]));
  }

 private:
  Slot make_slot(size_t index, bool projected) {
    const Tensor value = parameter(index).value.detach();
    const auto options = value.options().dtype(at::kFloat);
    const GaloreSettings& galore = settings_.galore;
    Slot slot;
    if (!projected) {
      slot.moments =
          std::make_unique<AdamMoments>(value.sizes(), options, !is_embedding(parameter(index).name));
      return slot;
    }
    const int64_t rows = value.size(0), columns = value.size(1);
    slot.projection = std::make_unique<LazyProjection>(rows, columns, options, galore);
    slot.moments = std::make_unique<AdamMoments>(
        projected_sizes(slot.projection->side(), rows, columns, galore.rank), options, true);
    if (galore.quantize_weights) {
      slot.weight = parameter(index).stored;
      if (!slot.weight)
        slot.weight = c10::make_intrusive<ops::Int8Weight>(value, galore.group_size, value.scalar_type());
      show(index, *slot.weight);
    }
    return slot;
  }

  // Embeddings are read in full: they get the values of the INT8 weight.
  void show(size_t index, const ops::Int8Weight& weight) {
    if (parameter(index).stored) return;
    const Tensor value = parameter(index).value.detach();
    value.copy_(weight.unpack(value.scalar_type()));
  }

  void update(size_t index, const Tensor& grad, double learning_rate) override {
    Slot& slot = slots_[index];
    const GaloreSettings& galore = settings_.galore;
    const int64_t step = slot.moments->steps();
    const double decay = parameter(index).decay ? 1 - learning_rate * settings_.weight_decay : 1;
    if (!slot.projection) {
      const Tensor direction = slot.moments->direction(grad, settings_, Epsilon::corrected);
      weight(index).mul_(decay).add_(direction, -learning_rate);
      return;
    }
    const Basis basis = slot.projection->at_step(step, grad);
    const Tensor low = slot.moments->direction(project(basis, grad), settings_, Epsilon::corrected);
    const Tensor direction = project_back(basis, low);
    const double rate = -learning_rate * galore.scale;
    if (!slot.weight) {
      weight(index).mul_(decay).add_(direction, rate);
      return;
    }
    // A stream for each weight and update: resuming rounds as the interrupted run would have.
    slot.weight->move(direction, decay, rate,
                      {settings_.seed, static_cast<uint64_t>(step) << 20 | static_cast<uint64_t>(index)});
    show(index, *slot.weight);
  }

  void append_state(size_t index, model::NamedTensors& state) const override {
    const Slot& slot = slots_[index];
    const std::string& name = parameter(index).name;
    slot.moments->append(name, state);
    if (slot.projection) slot.projection->append(name, state);
    if (slot.weight) {
      state.emplace_back("weight_int8." + name, slot.weight->stored().codes);
      state.emplace_back("weight_scales." + name, slot.weight->stored().scales);
    }
  }

  void state_loaded() override {
    for (size_t i = 0; i < size(); ++i) {
      if (slots_[i].weight) show(i, *slots_[i].weight);
    }
  }

  OptimizerSettings settings_;
  std::vector<Slot> slots_;
};

}  // namespace

std::unique_ptr<Optimizer> make_q_galore(Parameters parameters, const OptimizerSettings& settings) {
  const auto projected = projected_parameters(parameters, settings.galore);
  return std::make_unique<QGalore>(std::move(parameters), settings, projected);
}

}  // namespace swift::train
