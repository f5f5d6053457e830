// The objectives of the preference methods.
#pragma once
#include <memory>

#include "train/preference/method_losses.h"
#include "train/preference/preference_objective.h"
#include "train/preference/reference_sums.h"

namespace swift::train::preference {

// The reference's sums for training and for validation rows.
struct References {
  std::unique_ptr<ReferenceSums> train, validation;
};

// dpo, cpo, simpo and orpo.
std::unique_ptr<Objective> pair_objective(const config::Task& task, const model::Decoder& decoder,
                                          const data::PreferenceDataset& data, References references);

// kto. The KL is estimated on each row's prompt with the answer of the row before it in the step.
std::unique_ptr<Objective> kto_objective(const config::Task& task, const model::Decoder& decoder,
                                         const data::PreferenceDataset& data, References references);

// rm: the decoder has a value head.
std::unique_ptr<Objective> reward_objective(const config::Task& task, const model::Decoder& decoder,
                                            const data::PreferenceDataset& data);

// Rewards and accuracies of pairs, under the names of the contract.
void add_reward_metrics(MeanMetrics& metrics, const PairOutcome& outcome);

}  // namespace swift::train::preference
