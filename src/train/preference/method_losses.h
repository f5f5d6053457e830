// The losses of cpo, simpo, orpo, kto and rm over log-probabilities or scores.
#pragma once
#include <string>
#include <utility>

#include "train/preference/pair_terms.h"

namespace swift::train::preference {

// What a method makes of a micro-batch's pairs.
struct PairOutcome {
  at::Tensor losses;                            // (pairs)
  at::Tensor chosen_rewards, rejected_rewards;  // (pairs), detached
  at::Tensor chosen_logps, rejected_logps;      // (pairs), detached: as the method takes them
  std::vector<std::pair<std::string, double>> metrics;
};

PairOutcome dpo_outcome(const PairTerms& terms);

// CPO (arXiv 2401.08417) without a reference, with losses sigmoid, hinge, ipo and simpo (arXiv 2405.14734):
// the latter two on means a token. SimPO asks for a margin of simpo_gamma. cpo_alpha times the chosen
// answers' loss is added.
PairOutcome cpo_outcome(const PairLogps& logps, const PairSettings& settings);

// ORPO (arXiv 2403.07691): the chosen answers' loss - beta log sigmoid(log odds ratio), on means a token. The
// loss is over the answers' tokens, as ms-swift; TRL counts the prompt too.
PairOutcome orpo_outcome(const PairLogps& logps, const PairSettings& settings);

// Reward model (Bradley-Terry): -log sigmoid(chosen - rejected - margin) + center (chosen + rejected)^2. All
// (pairs); margin undefined: 0.
PairOutcome reward_outcome(const at::Tensor& chosen, const at::Tensor& rejected, const at::Tensor& margin,
                           double center);

struct KtoSettings {
  double beta = 0.1;
  double desirable = 1, undesirable = 1;
  bool apo_zero = false;  // loss_type apo_zero_unpaired: no KL
};

// KTO (arXiv 2402.01306 eq. 7): ratios (answers), policy less reference; good (answers) bool. kl: the
// estimate max(0, mean ratio of mismatched answers). Returns (answers).
at::Tensor kto_losses(const at::Tensor& ratios, const at::Tensor& good, double kl,
                      const KtoSettings& settings);

}  // namespace swift::train::preference
