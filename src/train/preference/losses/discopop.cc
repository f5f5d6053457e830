// DiscoPOP (arXiv 2406.08414 eq. 5): between the logistic and the exponential loss, by the size of the ratio.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor discopop_loss(const PairTerms& t) {
  const Tensor x = t.delta * t.settings.beta;
  const Tensor mix = at::sigmoid(x / t.settings.discopop_tau);
  constexpr double kLargest = 80;  // exp stays finite; mix is 0 there long before
  return -at::log_sigmoid(x) * (1 - mix) + at::exp(at::clamp_max(-x, kLargest)) * mix;
}

}  // namespace swift::train::preference
