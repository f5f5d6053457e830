// What the losses over pairs of answers are functions of. Formulas and names are TRL's (dpo_trainer.py,
// 0.29.1); where ms-swift 4.6 differs, the loss's file says which is followed.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/task.h"
#include "ops/torch.h"

namespace swift::train::preference {

// Log-probabilities of a micro-batch's answers; each (pairs), of one floating type.
struct PairLogps {
  at::Tensor chosen, rejected;                // sums over the answer's trained tokens
  at::Tensor ref_chosen, ref_rejected;        // of the reference; zeros without one
  at::Tensor chosen_tokens, rejected_tokens;  // trained tokens
  at::Tensor chosen_nll;                      // scalar: mean over all trained tokens of the chosen answers
};

struct PairSettings {
  std::vector<std::string> losses;
  std::vector<double> weights;  // of each loss
  double beta = 0.1;
  double label_smoothing = 0;
  std::string f_divergence = "reverse_kl";
  double f_alpha = 0.5;
  double discopop_tau = 0.05;
  double rpo_alpha = 0;
  double cpo_alpha = 1;
  double simpo_gamma = 1;
};
PairSettings pair_settings(const config::Task& task);

// The terms of one micro-batch, made once for all losses.
struct PairTerms {
  const PairLogps& logps;
  const PairSettings& settings;
  at::Tensor chosen_ratio, rejected_ratio;  // policy less reference
  at::Tensor chosen, rejected, delta;       // the same through the f-divergence, and their difference
  double bco_shift = 0;                     // running mean of the rewards
};
PairTerms pair_terms(const PairLogps& logps, const PairSettings& settings);

// One loss: (pairs).
using PairLoss = at::Tensor (*)(const PairTerms& terms);
// The loss of that name. It is one of loss_type's for dpo.
PairLoss find_pair_loss(std::string_view name);

// The weighted sum of all losses, and rpo_alpha times chosen_nll: (pairs).
at::Tensor weighted_pair_losses(const PairTerms& terms);

// -(1 - s) log sigmoid(x) - s log sigmoid(-x).
at::Tensor smoothed_logistic(const at::Tensor& x, double s);

}  // namespace swift::train::preference
