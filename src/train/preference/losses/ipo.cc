// IPO (arXiv 2310.12036 eq. 17) on ratios a token: (delta - 1 / (2 beta))^2.
#include "train/preference/losses/table.h"

namespace swift::train::preference {

using at::Tensor;

Tensor ipo_loss(const PairTerms& t) {
  const Tensor delta = t.chosen / at::clamp_min(t.logps.chosen_tokens, 1) -
                       t.rejected / at::clamp_min(t.logps.rejected_tokens, 1);
  return at::square(delta - 1 / (2 * t.settings.beta));
}

}  // namespace swift::train::preference
