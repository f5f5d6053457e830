// SLiC (arXiv 2305.10425): relu(1 - beta delta).
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor hinge_loss(const PairTerms& t) {
  return at::relu(1 - t.delta * t.settings.beta);
}

}  // namespace swift::train::preference
