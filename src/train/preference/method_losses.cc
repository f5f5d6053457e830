#include "train/preference/method_losses.h"

#include <cmath>

namespace swift::train::preference {

using at::Tensor;

namespace {

// log(1 - exp(x)) for x < 0 (Mächler 2012).
Tensor log1mexp(const Tensor& x) {
  constexpr double kBorder = -0.6931471805599453;  // -ln 2
  return at::where(x > kBorder, at::log(-at::expm1(x)), at::log1p(-at::exp(x)));
}

Tensor mean_a_token(const Tensor& sums, const Tensor& tokens) {
  return sums / at::clamp_min(tokens, 1);
}

PairOutcome rewarded(Tensor losses, const Tensor& chosen, const Tensor& rejected, double beta) {
  return {std::move(losses), (chosen * beta).detach(), (rejected * beta).detach(),
          chosen.detach(),   rejected.detach(),        {}};
}

Tensor cpo_losses(const Tensor& delta, const std::string& loss, const PairSettings& settings) {
  if (loss == "hinge") return at::relu(1 - delta * settings.beta);
  if (loss == "ipo") return at::square(delta - 1 / (2 * settings.beta));
  const double margin = loss == "simpo" ? settings.simpo_gamma : 0;
  return smoothed_logistic(delta * settings.beta - margin, settings.label_smoothing);
}

}  // namespace

PairOutcome dpo_outcome(const PairTerms& terms) {
  PairOutcome outcome =
      rewarded(weighted_pair_losses(terms), terms.chosen_ratio, terms.rejected_ratio, terms.settings.beta);
  outcome.chosen_logps = terms.logps.chosen.detach();
  outcome.rejected_logps = terms.logps.rejected.detach();
  if (terms.settings.rpo_alpha > 0)
    outcome.metrics.emplace_back("nll_loss", terms.logps.chosen_nll.item<double>());
  return outcome;
}

PairOutcome cpo_outcome(const PairLogps& logps, const PairSettings& settings) {
  const std::string& loss = settings.losses.front();
  const bool means = loss == "simpo" || loss == "ipo";
  const Tensor chosen = means ? mean_a_token(logps.chosen, logps.chosen_tokens) : logps.chosen;
  const Tensor rejected = means ? mean_a_token(logps.rejected, logps.rejected_tokens) : logps.rejected;
  Tensor losses = cpo_losses(chosen - rejected, loss, settings);
  if (settings.cpo_alpha > 0) losses = losses + logps.chosen_nll * settings.cpo_alpha;
  PairOutcome outcome = rewarded(losses, chosen, rejected, settings.beta);
  outcome.metrics.emplace_back("nll_loss", logps.chosen_nll.item<double>());
  return outcome;
}

PairOutcome orpo_outcome(const PairLogps& logps, const PairSettings& settings) {
  const Tensor chosen = mean_a_token(logps.chosen, logps.chosen_tokens);
  const Tensor rejected = mean_a_token(logps.rejected, logps.rejected_tokens);
  const Tensor log_odds = (chosen - rejected) - (log1mexp(chosen) - log1mexp(rejected));
  const Tensor ratio = at::log_sigmoid(log_odds);
  PairOutcome outcome = rewarded(logps.chosen_nll - ratio * settings.beta, chosen, rejected, settings.beta);
  outcome.metrics = {{"nll_loss", logps.chosen_nll.item<double>()},
                     {"log_odds_ratio", ratio.mean().item<double>()},
                     {"log_odds_chosen", log_odds.mean().item<double>()}};
  return outcome;
}

PairOutcome reward_outcome(const Tensor& chosen, const Tensor& rejected, const Tensor& margin,
                           double center) {
  const Tensor delta = chosen - rejected;
  Tensor losses = -at::log_sigmoid(margin.defined() ? delta - margin : delta);
  const Tensor squares = at::square(chosen + rejected);
  if (center > 0) losses = losses + squares * center;
  PairOutcome outcome{losses, chosen.detach(), rejected.detach(), {}, {}, {}};
  if (center > 0) outcome.metrics.emplace_back("center_rewards_loss", center * squares.mean().item<double>());
  return outcome;
}

Tensor kto_losses(const Tensor& ratios, const Tensor& good, double kl, const KtoSettings& settings) {
  const double shift = settings.apo_zero ? 0 : kl;
  const Tensor value = at::sigmoid((ratios - shift) * settings.beta);
  // 1 - sigmoid(beta (kl - ratio)) = sigmoid(beta (ratio - kl)): exact for both losses.
  return at::where(good, (1 - value) * settings.desirable, value * settings.undesirable);
}

}  // namespace swift::train::preference
