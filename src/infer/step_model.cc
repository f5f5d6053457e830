#include "infer/step_model.h"

#include "infer/logprobs.h"

namespace swift::infer {

double StepModel::token_log_prob(std::span<const float> logits, int32_t token, double temperature) const {
  std::vector<float> scaled(logits.begin(), logits.end());
  for (float& value : scaled) value = static_cast<float>(static_cast<double>(value) / temperature);
  return static_cast<double>(scaled[static_cast<size_t>(token)]) - log_sum_exp(scaled);
}

}  // namespace swift::infer
