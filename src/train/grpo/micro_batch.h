// The loss of one micro-batch of a round.
#pragma once
#include "train/grpo/loss.h"
#include "train/grpo/policy_pass.h"
#include "train/grpo/round.h"

namespace swift::train::grpo {

struct MicroBatchSettings {
  LossSettings loss;
  double temperature = 0.9;
  bool overlong_filter = false;
  bool want_entropy = false;  // for the log, or top_entropy
  bool share_prompts = true;
  bool compare_sampler = false;  // measure how far the sampler's log-probabilities are from the policy's
};

// How far log-probabilities of the same policy differ between sampler and trainer.
struct SamplerDifference {
  double sum = 0, most = 0, tokens = 0;
};

struct MicroBatchResult {
  at::Tensor loss;                                     // scalar; undefined when no token is trained
  std::unique_ptr<model::AttentionContext> attention;  // must outlive the backward pass
  int64_t tokens = 0;                                  // of the forward pass
};

// Rollouts [first, first + count) of the round.
MicroBatchResult micro_batch_loss(const model::Decoder& decoder, const Round& round,
                                  const std::vector<Prompt>& prompts, size_t first, size_t count,
                                  const MicroBatchSettings& settings, const StepSize& size,
                                  const model::Pass& pass, LossSums& sums, SamplerDifference& difference);

}  // namespace swift::train::grpo
