// BCO (arXiv 2404.04656) over pairs: each reward against its running mean, as ms-swift; TRL has no mean.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor bco_pair_loss(const PairTerms& t) {
  return -at::log_sigmoid(t.chosen * t.settings.beta - t.bco_shift) -
         at::log_sigmoid(t.bco_shift - t.rejected * t.settings.beta);
}

}  // namespace swift::train::preference
