#include "train/grpo/policy_term.h"

namespace swift::train::grpo {

using at::Tensor;

Tensor clipped_term(const Tensor& /*logps*/, const Tensor& ratio, const Tensor& advantage,
                    const ClipSettings& settings, Clipped& clipped) {
  const double low = 1 - settings.epsilon, high = 1 + settings.epsilon_high;
  const Tensor bounded = ratio.clamp(low, high);
  const Tensor free = settings.delta ? ratio.clamp_max(*settings.delta) : ratio;
  clipped.low = (free < low).logical_and(advantage < 0).to(at::kFloat);
  clipped.high = (free > high).logical_and(advantage > 0).to(at::kFloat);
  return -at::minimum(free * advantage, bounded * advantage);
}

}  // namespace swift::train::grpo
