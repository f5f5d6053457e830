// NCA (arXiv 2402.05369): keeps the likelihood of the chosen answer up.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor nca_pair_loss(const PairTerms& t) {
  const Tensor chosen = t.chosen * t.settings.beta, rejected = t.rejected * t.settings.beta;
  return -at::log_sigmoid(chosen) - 0.5 * at::log_sigmoid(-chosen) - 0.5 * at::log_sigmoid(-rejected);
}

}  // namespace swift::train::preference
