#include "train/grpo/policy_term.h"

namespace swift::train::grpo {

using at::Tensor;

Tensor cispo_term(const Tensor& logps, const Tensor& ratio, const Tensor& advantage,
                  const ClipSettings& settings, Clipped& clipped) {
  clipped.high = (ratio > settings.epsilon_high).logical_and(advantage > 0).to(at::kFloat);
  return -ratio.clamp_max(settings.epsilon_high).detach() * advantage * logps;
}

}  // namespace swift::train::grpo
