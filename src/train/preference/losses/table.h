// The losses of dpo, one file each.
#pragma once
#include "train/preference/pair_terms.h"

namespace swift::train::preference {

at::Tensor sigmoid_loss(const PairTerms& terms);
at::Tensor hinge_loss(const PairTerms& terms);
at::Tensor ipo_loss(const PairTerms& terms);
at::Tensor exo_pair_loss(const PairTerms& terms);
at::Tensor nca_pair_loss(const PairTerms& terms);
at::Tensor robust_loss(const PairTerms& terms);
at::Tensor bco_pair_loss(const PairTerms& terms);
at::Tensor sppo_hard_loss(const PairTerms& terms);
at::Tensor aot_loss(const PairTerms& terms);
at::Tensor aot_unpaired_loss(const PairTerms& terms);
at::Tensor apo_zero_loss(const PairTerms& terms);
at::Tensor apo_down_loss(const PairTerms& terms);
at::Tensor discopop_loss(const PairTerms& terms);
at::Tensor sft_loss(const PairTerms& terms);

}  // namespace swift::train::preference
