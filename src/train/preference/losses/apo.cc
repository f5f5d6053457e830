// APO (arXiv 2408.06266 eq. 7 and 8): zero for chosen answers better than what the model writes, down for
// worse.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor apo_zero_loss(const PairTerms& t) {
  return 1 - at::sigmoid(t.chosen_ratio * t.settings.beta) + at::sigmoid(t.rejected_ratio * t.settings.beta);
}

Tensor apo_down_loss(const PairTerms& t) {
  return at::sigmoid(t.chosen_ratio * t.settings.beta) + 1 - at::sigmoid(t.delta * t.settings.beta);
}

}  // namespace swift::train::preference
