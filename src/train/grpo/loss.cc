#include "train/grpo/loss.h"

#include <algorithm>

#include "base/error.h"
#include "train/grpo/correction.h"
#include "train/grpo/ratio.h"
#include "train/grpo/token_keep.h"

namespace swift::train::grpo {

using at::Tensor;
using base::Json;

namespace {

double number(const Tensor& scalar) {
  return scalar.item<double>();
}

Tensor reduce(const Tensor& term, const TokenBatch& batch, const LossSettings& settings, Reduction reduction,
              const StepSize& size) {
  switch (reduction) {
    case Reduction::sequence_mean:
      return (batch.sums(term) / batch.lengths()).sum() / static_cast<double>(size.sequences);
    case Reduction::batch_tokens:
      return (term * batch.mask).sum() / batch.mask.sum().clamp_min(1.0) /
             static_cast<double>(size.micro_batches);
    case Reduction::fixed_length:
      return (term * batch.mask).sum() / static_cast<double>(size.sequences * settings.max_completion_length);
    case Reduction::window_tokens:
      break;
  }
  return (term * batch.mask).sum() / std::max(1.0, size.window_tokens);
}

// Adds what was clipped; of ratios that a sequence shares, every sequence counts once.
void count_clipped(const Clipped& clipped, const TokenBatch& batch, bool by_sequence, LossSums& sums) {
  const Tensor weight = by_sequence ? batch.mask / batch.spread(batch.lengths()) : batch.mask;
  const auto add = [&](const Tensor& what, bool& has, double& to) {
    if (!what.defined()) return;
    has = true;
    to += number((what * weight).sum());
  };
  add(clipped.low, sums.has_low, sums.low);
  add(clipped.high, sums.has_high, sums.high);
  sums.weights += by_sequence ? static_cast<double>(batch.sequences()) : number(weight.sum());
}

void count_correction(const Tensor& weight, const TokenBatch& batch, LossSums& sums) {
  const Tensor kept = weight.masked_select(batch.mask > 0);
  if (kept.numel() == 0) return;
  const double least = number(kept.min()), most = number(kept.max());
  sums.correction_least = sums.has_correction ? std::min(sums.correction_least, least) : least;
  sums.correction_most = sums.has_correction ? std::max(sums.correction_most, most) : most;
  sums.correction += number((weight * batch.mask).sum());
  sums.has_correction = true;
}

}  // namespace

void LossSums::add(const LossSums& other) {
  loss += other.loss;
  kl += other.kl;
  entropy += other.entropy;
  low += other.low;
  high += other.high;
  tokens += other.tokens;
  weights += other.weights;
  correction += other.correction;
  if (other.has_correction) {
    correction_least =
        has_correction ? std::min(correction_least, other.correction_least) : other.correction_least;
    correction_most =
        has_correction ? std::max(correction_most, other.correction_most) : other.correction_most;
  }
  has_kl = has_kl || other.has_kl;
  has_entropy = has_entropy || other.has_entropy;
  has_low = has_low || other.has_low;
  has_high = has_high || other.has_high;
  has_correction = has_correction || other.has_correction;
}

Json LossSums::means(const std::string& type) const {
  const double all = std::max(1.0, tokens), clips = std::max(1.0, weights);
  Json line = Json::object();
  if (has_kl) line["kl"] = kl / all;
  if (has_entropy) line["entropy/mean"] = entropy / all;
  if (has_low) {
    line["clip_ratio/low_mean"] = low / clips;
    line["clip_ratio/high_mean"] = high / clips;
    line["clip_ratio/region_mean"] = (low + high) / clips;
  } else if (has_high) {
    line[type + "_clip_ratio"] = high / clips;
  }
  if (has_correction) {
    line["sampling/importance_sampling_ratio/mean"] = correction / all;
    line["sampling/importance_sampling_ratio/min"] = correction_least;
    line["sampling/importance_sampling_ratio/max"] = correction_most;
  }
  return line;
}

Tensor k3(const Tensor& ref_logps, const Tensor& logps) {
  const Tensor d = (ref_logps - logps).clamp(-20.0, 20.0);
  return (d.exp() - d - 1.0).clamp(-10.0, 10.0);
}

Tensor policy_loss(const TokenBatch& batch, const LossSettings& settings, const StepSize& size,
                   LossSums& sums) {
  const LossType* type = find_loss_type(settings.type);
  if (type == nullptr)
    throw base::Error(base::ExitCode::usage, "loss_type: there is no '" + settings.type + "'");
  Clipped clipped;
  const Tensor ratio = importance_ratio(batch, settings.importance_level);
  Tensor term = type->term(batch.logps, ratio, batch.spread(batch.advantages), settings.clip, clipped);
  const double trained = number(batch.mask.sum());
  sums.tokens += trained;
  count_clipped(clipped, batch, settings.importance_level != "token", sums);
  if (batch.entropy.defined()) {
    sums.has_entropy = true;
    sums.entropy += number((batch.entropy * batch.mask).sum());
  }
  if (settings.top_entropy < 1.0) term = term * top_entropy_mask(batch, settings.top_entropy);
  if (batch.ref_logps.defined()) {
    const Tensor kl = k3(batch.ref_logps, batch.logps);
    sums.has_kl = true;
    sums.kl += number((kl.detach() * batch.mask).sum());
    if (settings.beta != 0) term = term + settings.beta * kl;
  }
  if (settings.correction && batch.sampler_logps.defined()) {
    const Tensor weight = sampler_correction(batch, *settings.correction, settings.correction_threshold);
    count_correction(weight, batch, sums);
    term = term * weight;
  }
  if (settings.off_policy_delta) term = term * on_policy_mask(batch, *settings.off_policy_delta);
  const Tensor loss = reduce(term, batch, settings, type->reduction, size);
  sums.loss += number(loss.detach());
  return loss;
}

}  // namespace swift::train::grpo
