#include "train/grpo/correction.h"

namespace swift::train::grpo {

using at::Tensor;

bool is_correction_mode(std::string_view name) {
  return name == "token_truncate" || name == "token_mask" || name == "sequence_truncate" ||
         name == "sequence_mask";
}

Tensor sampler_correction(const TokenBatch& batch, std::string_view mode, double threshold) {
  Tensor difference = (batch.before() - batch.sampler_logps) * batch.mask;
  if (mode.starts_with("sequence")) difference = batch.spread(batch.sums(difference));
  const Tensor ratio = difference.exp();
  if (mode.ends_with("truncate")) return ratio.clamp_max(threshold);
  return ratio.masked_fill(ratio > threshold, 0.0);
}

}  // namespace swift::train::grpo
