// Completion tokens of several sequences, one after another without padding: what the losses of GRPO read.
#pragma once
#include "ops/torch.h"

namespace swift::train::grpo {

struct TokenBatch {
  at::Tensor logps;          // (tokens) fp32, of the policy at the sampling temperature; differentiable
  at::Tensor old_logps;      // (tokens) of the policy that sampled; undefined: logps as they are now
  at::Tensor ref_logps;      // (tokens) of the reference; undefined: no KL
  at::Tensor sampler_logps;  // (tokens) as an outside engine gave them; undefined: the sampler is the policy
  at::Tensor entropy;        // (tokens) of the policy's distributions; undefined where not needed
  at::Tensor mask;           // (tokens) fp32, 1 where trained
  at::Tensor sequence;       // (tokens) int64, rising: the sequence of each token
  at::Tensor advantages;     // (sequences) fp32

  int64_t sequences() const { return advantages.size(0); }
  // The policy that sampled, without autograd.
  at::Tensor before() const { return old_logps.defined() ? old_logps : logps.detach(); }
  // (sequences) sums of a value of each token over the trained tokens.
  at::Tensor sums(const at::Tensor& values) const {
    const at::Tensor zero = at::zeros({sequences()}, values.options().requires_grad(false));
    return zero.index_add(0, sequence, values * mask);
  }
  // (sequences) trained tokens, 1 at least.
  at::Tensor lengths() const { return sums(at::ones_like(mask)).clamp_min(1.0); }
  // (tokens) from (sequences).
  at::Tensor spread(const at::Tensor& per_sequence) const { return per_sequence.index_select(0, sequence); }
};

}  // namespace swift::train::grpo
