#include "train/grpo/policy_term.h"

namespace swift::train::grpo {

using at::Tensor;

Tensor sapo_term(const Tensor& /*logps*/, const Tensor& ratio, const Tensor& advantage,
                 const ClipSettings& settings, Clipped& /*clipped*/) {
  const Tensor tau = at::where(advantage > 0, at::full_like(advantage, settings.tau_pos),
                               at::full_like(advantage, settings.tau_neg));
  return -at::sigmoid(tau * (ratio - 1.0)) * (4.0 / tau) * advantage;
}

}  // namespace swift::train::grpo
