#include "train/preference/pair_terms.h"

#include <cmath>

#include "config/alignment.h"

namespace swift::train::preference {

using at::Tensor;

namespace {

// f'(ratio) of the divergence, without its constant (arXiv 2309.16240).
Tensor through_divergence(const Tensor& ratio, const PairSettings& settings) {
  const std::string& kind = settings.f_divergence;
  if (kind == "forward_kl") return -at::exp(-ratio);
  if (kind == "js_divergence") return at::log_sigmoid(ratio);
  const double power = settings.f_alpha - 1;
  if (kind != "alpha_divergence" || std::abs(power) < 1e-6) return ratio;
  constexpr double kLargest = 80;  // exp stays in the range of bf16 and fp32
  return at::exp(at::clamp_max(ratio * power, kLargest)) / power;
}

}  // namespace

PairSettings pair_settings(const config::Task& task) {
  PairSettings settings;
  settings.losses = task.loss_type;
  settings.weights = config::numbers(task, "loss_weights", task.loss_weights);
  if (settings.weights.empty()) settings.weights.assign(settings.losses.size(), 1.0);
  settings.beta = task.beta.value_or(0.1);
  settings.label_smoothing = task.label_smoothing;
  settings.f_divergence = task.f_divergence_type;
  settings.f_alpha = task.f_alpha_divergence_coef;
  settings.discopop_tau = task.discopop_tau;
  settings.rpo_alpha = task.rpo_alpha.value_or(0);
  settings.cpo_alpha = task.cpo_alpha;
  settings.simpo_gamma = task.simpo_gamma;
  return settings;
}

PairTerms pair_terms(const PairLogps& logps, const PairSettings& settings) {
  PairTerms terms{logps, settings, logps.chosen - logps.ref_chosen, logps.rejected - logps.ref_rejected, {},
                  {},    {}};
  terms.chosen = through_divergence(terms.chosen_ratio, settings);
  terms.rejected = through_divergence(terms.rejected_ratio, settings);
  terms.delta = terms.chosen - terms.rejected;
  return terms;
}

Tensor weighted_pair_losses(const PairTerms& terms) {
  const PairSettings& settings = terms.settings;
  Tensor total = at::zeros_like(terms.delta);
  for (size_t i = 0; i < settings.losses.size(); ++i)
    total = total + find_pair_loss(settings.losses[i])(terms) * settings.weights[i];
  return settings.rpo_alpha > 0 ? total + terms.logps.chosen_nll * settings.rpo_alpha : total;
}

Tensor smoothed_logistic(const Tensor& x, double s) {
  const Tensor right = -at::log_sigmoid(x) * (1 - s);
  return s == 0 ? right : right - at::log_sigmoid(-x) * s;
}

}  // namespace swift::train::preference
