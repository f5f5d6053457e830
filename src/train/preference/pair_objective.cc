#include <map>

#include "train/preference/objectives.h"

namespace swift::train::preference {

using at::Tensor;
using base::Json;

void add_reward_metrics(MeanMetrics& metrics, const PairOutcome& outcome) {
  const Tensor &chosen = outcome.chosen_rewards, &rejected = outcome.rejected_rewards;
  metrics.add("rewards/chosen", chosen);
  metrics.add("rewards/rejected", rejected);
  metrics.add("rewards/accuracies", (chosen > rejected).to(at::kFloat));
  metrics.add("rewards/margins", chosen - rejected);
  if (outcome.chosen_logps.defined()) metrics.add("logps/chosen", outcome.chosen_logps);
  if (outcome.rejected_logps.defined()) metrics.add("logps/rejected", outcome.rejected_logps);
  for (const auto& [name, value] : outcome.metrics)
    metrics.add(name, value * static_cast<double>(chosen.numel()), static_cast<double>(chosen.numel()));
}

namespace {

// Mean of a reward over the micro-batches so far (RunningMoments of ms-swift).
struct RunningMean {
  double mean = 0, count = 0;
  double update(double value) {
    count += 1;
    return mean += (value - mean) / count;
  }
};

class PairObjective : public PreferenceObjective {
 public:
  PairObjective(const config::Task& task, const model::Decoder& decoder, const data::PreferenceDataset& data,
                References references)
      : PreferenceObjective(task, decoder, data),
        method_(task.method),
        settings_(pair_settings(task)),
        length_alpha_(task.ld_alpha.value_or(1.0)),
        references_(std::move(references)) {}

 private:
  Tensor mean_loss(const MicroBatch& batch, const model::Pass& pass, MeanMetrics& metrics) override {
    AnswerPack pack;
    for (const uint32_t item : batch.items)
      append_answers(pack, {&batch.rows[item].chosen, &batch.rows[item].rejected});
    const Tensor weights = length_alpha_ == 1 ? Tensor() : length_weights(pack, length_alpha_);
    ReferenceSums& reference = batch.training ? *references_.train : *references_.validation;
    const Tensor frozen = reference.sums(pack, batch.items, weights);
    attention_.emplace(attention_of(pack));
    const Tensor values = row_log_probs(decoder(), pack, *attention_, pass);
    const PairOutcome outcome = outcome_of(logps_of(pack, values, weights, frozen), batch.training);
    add_reward_metrics(metrics, outcome);
    return outcome.losses.mean();
  }

  static PairLogps logps_of(const AnswerPack& pack, const Tensor& values, const Tensor& weights,
                            const Tensor& frozen) {
    const auto chosen = [](const Tensor& t) { return t.view({-1, 2}).select(1, 0); };
    const auto rejected = [](const Tensor& t) { return t.view({-1, 2}).select(1, 1); };
    const Tensor counts = answer_counts(pack), plain = answer_sums(pack, values);
    const Tensor sums = weights.defined() ? answer_sums(pack, values, weights) : plain;
    const Tensor nll = -chosen(plain).sum() / at::clamp_min(chosen(counts).sum(), 1);
    return {chosen(sums), rejected(sums), chosen(frozen), rejected(frozen), chosen(counts), rejected(counts),
            nll};
  }

  PairOutcome outcome_of(const PairLogps& logps, bool training) {
    if (method_ == "orpo") return orpo_outcome(logps, settings_);
    if (method_ != "dpo") return cpo_outcome(logps, settings_);
    PairTerms terms = pair_terms(logps, settings_);
    const double reward =
        0.5 * settings_.beta * (terms.chosen_ratio.mean() + terms.rejected_ratio.mean()).item<double>();
    terms.bco_shift = training ? rewards_.update(reward) : rewards_.mean;
    return dpo_outcome(terms);
  }

  Json own_state() const override { return {rewards_.mean, rewards_.count}; }
  void load_own_state(const Json& state) override {
    rewards_ = {state.at(0).get<double>(), state.at(1).get<double>()};
  }

  std::string method_;
  PairSettings settings_;
  double length_alpha_;
  References references_;
  RunningMean rewards_;
};

}  // namespace

std::unique_ptr<Objective> pair_objective(const config::Task& task, const model::Decoder& decoder,
                                          const data::PreferenceDataset& data, References references) {
  return std::make_unique<PairObjective>(task, decoder, data, std::move(references));
}

}  // namespace swift::train::preference
