// Log-probability of each target token under the output head, as one operation that never holds all logits:
// the sibling of linear_cross_entropy.h for losses over whole answers, whose factor on a token is known only
// afterwards.
//   h (tokens, hidden)   w (vocab, hidden)   labels (tokens) int64 in host memory, kIgnoreLabel where
//   nothing is asked
//   returns (tokens) fp32: log softmax(h · w^T / temperature) at the label, 0 where ignored
// Logits and sums are fp32. With a frozen w the gradient in h of a factor 1 is made in the same pass and
// scaled in the backward pass; with a trained one the backward pass makes the logits again.
#pragma once
#include "ops/linear_cross_entropy.h"

namespace swift::ops {

struct LinearLogProbs {
  // Differentiable in h and, when it requires a gradient, w. entropies: (tokens) fp32 or undefined; receives
  // the entropy of each asked token's distribution, 0 elsewhere, without a gradient.
  static at::Tensor forward(const at::Tensor& h, const at::Tensor& w, const at::Tensor& labels,
                            double temperature = 1, const at::Tensor& entropies = {});
  // The same from basic tensor operations: oracle and fallback.
  static at::Tensor plain(const at::Tensor& h, const at::Tensor& w, const at::Tensor& labels,
                          double temperature = 1, const at::Tensor& entropies = {});
};

}  // namespace swift::ops
