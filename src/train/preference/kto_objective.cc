#include <algorithm>

#include "train/preference/objectives.h"

namespace swift::train::preference {

using at::Tensor;
namespace {

// Where the answer begins: the first trained token.
size_t answer_begin(const data::Sample& sample) {
  const auto found = std::find_if(sample.labels.begin() + 1, sample.labels.end(),
                                  [](int32_t label) { return label != data::kIgnore; });
  return static_cast<size_t>(found - sample.labels.begin());
}

// The prompt of one row with the answer of another.
data::Sample mismatched(const data::Sample& prompt, const data::Sample& answer) {
  data::Sample sample;
  const auto join = [&](const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
    std::vector<int32_t> joined(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(answer_begin(prompt)));
    joined.insert(joined.end(), b.begin() + static_cast<std::ptrdiff_t>(answer_begin(answer)), b.end());
    return joined;
  };
  sample.input_ids = join(prompt.input_ids, answer.input_ids);
  sample.labels = join(prompt.labels, answer.labels);
  return sample;
}

class KtoObjective : public PreferenceObjective {
 public:
  KtoObjective(const config::Task& task, const model::Decoder& decoder, const data::PreferenceDataset& data,
               References references)
      : PreferenceObjective(task, decoder, data), references_(std::move(references)) {
    settings_.beta = task.beta.value_or(0.1);
    settings_.desirable = task.desirable_weight;
    settings_.undesirable = task.undesirable_weight;
    settings_.apo_zero = !task.loss_type.empty() && task.loss_type.front() == "apo_zero_unpaired";
  }

 private:
  Tensor mean_loss(const MicroBatch& batch, const model::Pass& pass, MeanMetrics& metrics) override {
    AnswerPack pack;
    for (const uint32_t item : batch.items) append_answers(pack, {&batch.rows[item].chosen});
    ReferenceSums& reference = batch.training ? *references_.train : *references_.validation;
    const double kl = settings_.apo_zero ? 0 : divergence(batch, reference);
    const Tensor frozen = reference.sums(pack, batch.items, {});
    attention_.emplace(attention_of(pack));
    const Tensor sums = answer_sums(pack, row_log_probs(decoder(), pack, *attention_, pass));
    std::vector<int64_t> labels;
    for (const uint32_t item : batch.items) labels.push_back(batch.rows[item].good ? 1 : 0);
    const Tensor good = at::tensor(at::ArrayRef<int64_t>(labels), at::kLong).to(at::kBool);
    const Tensor ratios = sums - frozen;
    add_metrics(metrics, (ratios * settings_.beta).detach(), sums.detach(), good, kl);
    return kto_losses(ratios, good, kl, settings_).mean();
  }

  // max(0, mean log-ratio) over each prompt with the answer of the row before it, which goes round.
  double divergence(const MicroBatch& batch, ReferenceSums& reference) const {
    const at::NoGradGuard no_grad;
    AnswerPack pack;
    for (size_t i = 0; i < batch.items.size(); ++i) {
      const size_t before = (batch.offset + i + batch.step.size() - 1) % batch.step.size();
      const data::Sample sample =
          mismatched(batch.rows[batch.items[i]].chosen, batch.rows[batch.step[before]].chosen);
      append_answers(pack, {&sample});
    }
    model::PackedContext attention = attention_of(pack);
    const Tensor sums = answer_sums(pack, row_log_probs(decoder(), pack, attention, {}));
    return std::max(0.0, (sums - reference.sums(pack, batch.items, {})).mean().item<double>());
  }

  void add_metrics(MeanMetrics& metrics, const Tensor& rewards, const Tensor& sums, const Tensor& good,
                   double kl) const {
    const Tensor chosen = rewards.masked_select(good), rejected = rewards.masked_select(good.logical_not());
    metrics.add("rewards/chosen", chosen);
    metrics.add("rewards/rejected", rejected);
    metrics.add("logps/chosen", sums.masked_select(good));
    metrics.add("logps/rejected", sums.masked_select(good.logical_not()));
    if (chosen.numel() > 0 && rejected.numel() > 0)
      metrics.add("rewards/margins", chosen.mean() - rejected.mean());
    // How many rewards have the sign of their label.
    metrics.add("rewards/accuracies", ((rewards > 0) == good).to(at::kFloat));
    if (!settings_.apo_zero) metrics.add("kl", kl, 1);
  }

  KtoSettings settings_;
  References references_;
};

}  // namespace

std::unique_ptr<Objective> kto_objective(const config::Task& task, const model::Decoder& decoder,
                                         const data::PreferenceDataset& data, References references) {
  return std::make_unique<KtoObjective>(task, decoder, data, std::move(references));
}

}  // namespace swift::train::preference
