// Passes over a row of fp32 logits of the whole vocabulary, shared by the operations of the output head. A
// sum depends on the values and their order alone.
#pragma once
#include <utility>

#include "ops/torch.h"

namespace swift::ops {

// The largest logit of a row, and the sum of all.
std::pair<float, double> top_and_sum(const float* z, int64_t vocab);

// z becomes exp(z - top); returns its sum.
double exponentials(float* z, int64_t vocab, float top);

// The memory of z (rows, vocab) fp32 seen as rows of `type`, each at the beginning of its row of z.
at::Tensor seen_as(const at::Tensor& z, at::ScalarType type);

}  // namespace swift::ops
