// The auxiliary loss that keeps a router from giving all tokens to few experts (Fedus et al. 2022, equations
// 4 to 6), as transformers' load_balancing_loss_func over all layers:
//   loss = experts * sum_e f_e p_e
// f_e: choices of expert e a token and layer (up to per_token in sum), p_e: its mean probability.
#pragma once

#include <memory>

#include "ops/torch.h"

namespace swift::model {

class RouterBalance {
 public:
  // coefficient: of the loss in the total that backward() is called on, whose own gradient must be 1.
  RouterBalance(int64_t layers, double coefficient);

  // Takes in a layer's probabilities (tokens, experts) fp32 and counts (experts) int64 of chosen experts;
  // a layer that runs again replaces what it said before. Returns the probabilities; the gradient of the loss
  // joins theirs in the backward pass, when all layers are known.
  at::Tensor observe(int64_t layer, const at::Tensor& probabilities, const at::Tensor& counts);

  // The loss without its coefficient, () fp64 where the layers lie; 0 before any was seen.
  at::Tensor loss() const;
  double coefficient() const;

 private:
  struct State;
  struct Join;
  std::shared_ptr<State> state_;
};

}  // namespace swift::model
