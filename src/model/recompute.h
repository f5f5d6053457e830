// Activation checkpointing (Chen et al. 2016): only a segment's input is kept; the backward pass runs the
// segment again with gradients. Bit-identical to the plain pass, since every random mask is a function of a
// key.
#pragma once
#include <functional>

#include "model/activation_store.h"

namespace swift::model {

using Segment = std::function<at::Tensor(const at::Tensor&)>;

// segment(x), differentiable in x and in every leaf that the segment reads; x must require a gradient. x
// waits in `store`, which must outlive the backward pass, or in memory when it is null.
at::Tensor recomputed(const Segment& segment, const at::Tensor& x, ActivationStore* store = nullptr);

}  // namespace swift::model
