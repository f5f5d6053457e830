// EXO (arXiv 2402.00856 eq. 16) for two answers: KL of softmax(beta scores) to (1 - s, s). It needs s > 0:
// 1e-3 for 0, as ms-swift.
#include <cmath>

#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor exo_pair_loss(const PairTerms& t) {
  const double s = t.settings.label_smoothing > 0 ? t.settings.label_smoothing : 1e-3;
  const Tensor x = t.delta * t.settings.beta;
  return at::sigmoid(x) * (at::log_sigmoid(x) - std::log1p(-s)) +
         at::sigmoid(-x) * (at::log_sigmoid(-x) - std::log(s));
}

}  // namespace swift::train::preference
