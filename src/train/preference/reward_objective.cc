#include "model/value_head.h"
#include "train/preference/objectives.h"

namespace swift::train::preference {

using at::Tensor;
namespace {

class RewardObjective : public PreferenceObjective {
 public:
  RewardObjective(const config::Task& task, const model::Decoder& decoder,
                  const data::PreferenceDataset& data)
      : PreferenceObjective(task, decoder, data), center_(task.center_rewards_coefficient.value_or(0)) {}

 private:
  Tensor mean_loss(const MicroBatch& batch, const model::Pass& pass, MeanMetrics& metrics) override {
    AnswerPack pack;
    std::vector<float> margins;
    for (const uint32_t item : batch.items) {
      append_answers(pack, {&batch.rows[item].chosen, &batch.rows[item].rejected});
      margins.push_back(static_cast<float>(batch.rows[item].margin));
    }
    attention_.emplace(attention_of(pack));
    const Tensor scores =
        model::scores_of(decoder(), last_states(decoder(), pack, *attention_, pass)).cpu().view({-1, 2});
    const PairOutcome outcome = reward_outcome(scores.select(1, 0), scores.select(1, 1),
                                               at::tensor(at::ArrayRef<float>(margins), at::kFloat), center_);
    add_reward_metrics(metrics, outcome);
    return outcome.losses.mean();
  }

  double center_;
};

}  // namespace

std::unique_ptr<Objective> reward_objective(const config::Task& task, const model::Decoder& decoder,
                                            const data::PreferenceDataset& data) {
  return std::make_unique<RewardObjective>(task, decoder, data);
}

}  // namespace swift::train::preference
