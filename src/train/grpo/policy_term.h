// The policy term of each token's loss, one variant a file, and how the terms become one number.
#pragma once
#include <optional>
#include <span>
#include <string>

#include "train/grpo/token_batch.h"

namespace swift::train::grpo {

struct ClipSettings {
  double epsilon = 0.2;       // ratios below 1 - epsilon are clipped
  double epsilon_high = 0.2;  // and those above 1 + epsilon_high; cispo: above epsilon_high itself
  std::optional<double>
      delta;              // upper bound of the ratio where clipping would not act (two-sided, INTELLECT-2)
  double tau_pos = 1.0;   // sapo: temperature where the advantage is above 0
  double tau_neg = 1.05;  // and elsewhere
};

// What of a term was clipped, (tokens) of 0 and 1; high alone for cispo, neither for sapo.
struct Clipped {
  at::Tensor low, high;
};

// (tokens). ratio as importance_ratio() gives it, advantage (tokens).
using PolicyTerm = at::Tensor (*)(const at::Tensor& logps, const at::Tensor& ratio,
                                  const at::Tensor& advantage, const ClipSettings& settings,
                                  Clipped& clipped);

// -min(ratio A, clip(ratio) A) (PPO, arXiv 1707.06347; GRPO, arXiv 2402.03300).
at::Tensor clipped_term(const at::Tensor& logps, const at::Tensor& ratio, const at::Tensor& advantage,
                        const ClipSettings& settings, Clipped& clipped);
// -min(ratio, epsilon_high) A log pi, the ratio taken as a constant (CISPO, arXiv 2506.13585).
at::Tensor cispo_term(const at::Tensor& logps, const at::Tensor& ratio, const at::Tensor& advantage,
                      const ClipSettings& settings, Clipped& clipped);
// -(4 / tau) sigmoid(tau (ratio - 1)) A (SAPO, arXiv 2511.20347).
at::Tensor sapo_term(const at::Tensor& logps, const at::Tensor& ratio, const at::Tensor& advantage,
                     const ClipSettings& settings, Clipped& clipped);

enum class Reduction {
  sequence_mean,  // mean over sequences of the mean over their tokens
  batch_tokens,   // mean over the tokens of each micro-batch, and over micro-batches (BNPO)
  fixed_length,   // sum / (sequences * max_completion_length) (Dr. GRPO, arXiv 2503.20783)
  window_tokens,  // sum / tokens of the whole generation batch (DAPO, arXiv 2503.14476)
};

struct LossType {
  const char* name;
  PolicyTerm term;
  Reduction reduction;
};

std::span<const LossType> loss_types();
// Null when there is none of that name.
const LossType* find_loss_type(const std::string& name);

}  // namespace swift::train::grpo
