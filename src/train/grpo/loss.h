// The loss of GRPO and its variants over the tokens of one micro-batch. Order of the parts as in ms-swift
// 4.6: policy term, entropy mask, KL, correction for the sampler, off-policy mask, reduction.
#pragma once
#include <optional>
#include <string>

#include "base/json.h"
#include "train/grpo/policy_term.h"

namespace swift::train::grpo {

struct LossSettings {
  std::string type = "grpo";               // loss_types()
  std::string importance_level = "token";  // ratio.h
  ClipSettings clip;
  double beta = 0.04;                     // of the KL in the loss
  double top_entropy = 1.0;               // share of tokens that are trained
  std::optional<std::string> correction;  // correction.h; none: the sampler is trusted
  double correction_threshold = 2.0;
  std::optional<double> off_policy_delta;  // token_keep.h
  int64_t max_completion_length = 512;
};

// What the reductions divide by: sizes of the optimizer step and of the generation batch it belongs to.
struct StepSize {
  int64_t sequences = 0;
  int64_t micro_batches = 1;
  double window_tokens = 0;  // trained tokens of the generation batch
};

// Sums over the tokens of one or several micro-batches, for means over a step.
struct LossSums {
  double loss = 0;
  double kl = 0, entropy = 0, low = 0, high = 0;  // weighted sums
  double tokens = 0;                              // trained tokens: divisor of kl and entropy
  double weights = 0;                             // divisor of low and high
  double correction = 0, correction_least = 1, correction_most = 1;
  bool has_kl = false, has_entropy = false, has_low = false, has_high = false, has_correction = false;

  void add(const LossSums& other);
  // kl, entropy/mean, clip_ratio/{low,high,region}_mean or cispo_clip_ratio, of those there are.
  base::Json means(const std::string& type) const;
};

// k3 of every token, with the clamps of ms-swift: d to +-20, k3 to +-10 (Schulman 2020).
at::Tensor k3(const at::Tensor& ref_logps, const at::Tensor& logps);

// fp32 scalar, differentiable in batch.logps; adds to `sums`.
at::Tensor policy_loss(const TokenBatch& batch, const LossSettings& settings, const StepSize& size,
                       LossSums& sums);

}  // namespace swift::train::grpo
