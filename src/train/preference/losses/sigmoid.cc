// DPO (arXiv 2305.18290), with label smoothing cDPO (arXiv 2310.12036 5.1; as ms-swift, TRL ignores it here).
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor sigmoid_loss(const PairTerms& t) {
  return smoothed_logistic(t.delta * t.settings.beta, t.settings.label_smoothing);
}

}  // namespace swift::train::preference
