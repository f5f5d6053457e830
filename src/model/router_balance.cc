#include "model/router_balance.h"

#include <vector>

namespace swift::model {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

struct RouterBalance::State {
  double coefficient = 0;
  std::vector<Tensor> counts, sums;  // a layer: (experts) fp32 each; undefined for dense layers
  std::vector<int64_t> tokens;

  int64_t rows() const {
    int64_t total = 0;
    for (const int64_t each : tokens) total += each;
    return total;
  }
  // Sum over layers divided by rows: (experts).
  Tensor mean(const std::vector<Tensor>& parts) const {
    Tensor total;
    for (const Tensor& part : parts) {
      if (part.defined()) total = total.defined() ? total + part : part;
    }
    return total / static_cast<double>(rows());
  }
};

// Keeps the state alive inside the graph node, which stores IValues.
struct StateHolder : torch::CustomClassHolder {
  explicit StateHolder(std::shared_ptr<const void> held) : state(std::move(held)) {}
  std::shared_ptr<const void> state;
};

struct RouterBalance::Join : torch::autograd::Function<Join> {
  static Tensor forward(AutogradContext* ctx, const Tensor& probabilities,
                        const std::shared_ptr<State>& state) {
    ctx->saved_data["state"] = c10::IValue::make_capsule(c10::make_intrusive<StateHolder>(state));
    return probabilities.view_as(probabilities);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto holder = c10::static_intrusive_pointer_cast<StateHolder>(ctx->saved_data["state"].toCapsule());
    const auto* state = static_cast<const State*>(holder->state.get());
    const Tensor share = state->mean(state->counts);
    const double factor =
        state->coefficient * static_cast<double>(share.size(0)) / static_cast<double>(state->rows());
    return {grads[0] + share * factor, Tensor()};
  }
};

RouterBalance::RouterBalance(int64_t layers, double coefficient) : state_(std::make_shared<State>()) {
  state_->coefficient = coefficient;
  state_->counts.resize(static_cast<size_t>(layers));
  state_->sums.resize(static_cast<size_t>(layers));
  state_->tokens.resize(static_cast<size_t>(layers));
}

Tensor RouterBalance::observe(int64_t layer, const Tensor& probabilities, const Tensor& counts) {
  const auto at = static_cast<size_t>(layer);
  state_->counts[at] = counts.to(at::kFloat);
  state_->sums[at] = probabilities.detach().sum(0);
  state_->tokens[at] = probabilities.size(0);
  return Join::apply(probabilities, state_);
}

Tensor RouterBalance::loss() const {
  if (state_->rows() == 0) return at::zeros({}, at::kDouble);
  const Tensor share = state_->mean(state_->counts), probability = state_->mean(state_->sums);
  return at::dot(share, probability).to(at::kDouble) * static_cast<double>(share.size(0));
}

double RouterBalance::coefficient() const {
  return state_->coefficient;
}

}  // namespace swift::model
