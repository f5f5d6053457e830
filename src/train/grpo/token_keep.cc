#include "train/grpo/token_keep.h"

namespace swift::train::grpo {

using at::Tensor;

Tensor top_entropy_mask(const TokenBatch& batch, double share) {
  const Tensor trained = batch.mask > 0;
  const Tensor known = batch.entropy.masked_select(trained).to(at::kFloat);
  if (known.numel() == 0) return at::zeros_like(batch.mask);
  const Tensor threshold = at::quantile(known, 1.0 - share);
  return (batch.entropy >= threshold).logical_and(trained).to(at::kFloat);
}

Tensor on_policy_mask(const TokenBatch& batch, double delta) {
  const Tensor sampled = batch.sampler_logps.defined() ? batch.sampler_logps : batch.before();
  const Tensor moved = batch.sums(sampled - batch.logps.detach()) / batch.lengths();
  const Tensor keep = (batch.advantages >= 0).logical_or(moved <= delta).to(at::kFloat);
  return batch.spread(keep);
}

}  // namespace swift::train::grpo
