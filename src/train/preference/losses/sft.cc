// Cross entropy of the chosen answers, the mean over their tokens: a term of combinations (MPO, arXiv
// 2411.10442).
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor sft_loss(const PairTerms& t) {
  return t.logps.chosen_nll.expand_as(t.delta);
}

}  // namespace swift::train::preference
