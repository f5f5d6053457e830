// A reward model (method: rm) as a reward: the score of its head at the last token of the conversation.
#pragma once
#include <filesystem>
#include <memory>

#include "ops/torch.h"
#include "train/rewards/reward.h"

namespace swift::train::grpo {

// directory: a full reward model, or an adapter with a head over its base model; it computes on `device`.
// Rows are written by that model's own chat template. Throws base::Error(model) for a model without a head
// `score`.
std::unique_ptr<rewards::Reward> make_model_reward(const std::filesystem::path& directory,
                                                   const std::string& torch_dtype, at::Device device);

}  // namespace swift::train::grpo
