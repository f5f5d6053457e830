#include "train/grpo/ratio.h"

namespace swift::train::grpo {

using at::Tensor;

bool is_importance_level(std::string_view name) {
  return name == "token" || name == "sequence" || name == "sequence_token";
}

Tensor importance_ratio(const TokenBatch& batch, std::string_view level) {
  const Tensor log_ratio = batch.logps - batch.before();
  if (level == "token") return log_ratio.exp();
  const Tensor mean = batch.spread(batch.sums(log_ratio) / batch.lengths());
  if (level == "sequence") return mean.exp();
  return (mean.detach() + batch.logps - batch.logps.detach()).exp();
}

}  // namespace swift::train::grpo
