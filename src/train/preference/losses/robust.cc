// Robust DPO (arXiv 2403.00409): unbiased where a part s of the labels is wrong.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor robust_loss(const PairTerms& t) {
  const double s = t.settings.label_smoothing;
  const Tensor x = t.delta * t.settings.beta;
  return (at::log_sigmoid(-x) * s - at::log_sigmoid(x) * (1 - s)) / (1 - 2 * s);
}

}  // namespace swift::train::preference
