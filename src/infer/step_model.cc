#include "infer/step_model.h"

#include <stdexcept>

#include "infer/logprobs.h"

namespace swift::infer {

ops::DrawnTokens StepModel::draw(std::span<const Step> /*steps*/, std::span<const ops::DrawRule> /*rules*/,
                                 int64_t /*count*/) {
  throw std::logic_error("this model leaves the choice of tokens to its caller");
}

double StepModel::token_log_prob(std::span<const float> logits, int32_t token, double temperature) const {
  std::vector<float> scaled(logits.begin(), logits.end());
  for (float& value : scaled) value = static_cast<float>(static_cast<double>(value) / temperature);
  return static_cast<double>(scaled[static_cast<size_t>(token)]) - log_sum_exp(scaled);
}

}  // namespace swift::infer
