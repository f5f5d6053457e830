// SPPO (arXiv 2405.00675 eq. 4.7) with hard win probabilities 1 and 0.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor sppo_hard_loss(const PairTerms& t) {
  const double half = 0.5 / t.settings.beta;
  return at::square(t.chosen - half) + at::square(t.rejected + half);
}

}  // namespace swift::train::preference
