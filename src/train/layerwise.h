// Updates inside the backward pass: each parameter as soon as its gradient is complete, which is then freed,
// so that the gradients of a model never exist together. Needs one backward pass an update and no clipping.
#pragma once
#include <memory>

#include "train/optimizer.h"

namespace swift::train {

class LayerwiseUpdates {
 public:
  // Hangs a hook on every parameter of the optimizer, which must outlive this.
  explicit LayerwiseUpdates(Optimizer& optimizer);
  ~LayerwiseUpdates();
  LayerwiseUpdates(const LayerwiseUpdates&) = delete;
  LayerwiseUpdates& operator=(const LayerwiseUpdates&) = delete;

  // Before the backward pass of an update.
  void begin(double learning_rate);
  // L2 norm of the gradients since begin().
  double norm() const;

 private:
  struct State;
  class Hook;
  Optimizer& optimizer_;
  std::shared_ptr<State> state_;
};

}  // namespace swift::train
