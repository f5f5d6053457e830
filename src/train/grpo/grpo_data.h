// The prompts of GRPO: rows of the datasets without their answers.
#pragma once
#include <vector>

#include "config/task.h"
#include "data/encode.h"
#include "train/grpo/rollout.h"

namespace swift::train::grpo {

struct PromptData {
  std::vector<Prompt> train;
  std::vector<Prompt> validation;  // may be empty
};

// Loads and encodes the datasets of the task. A prompt that does not leave room for max_completion_length
// tokens in max_positions, or is above max_length, is cut (truncation_strategy left, right) or dropped
// (delete), with a warning that names the first such row; with strict it is an error. Throws
// base::Error(data) when no row is left.
PromptData load_prompts(const config::Task& task, const data::Encoder& encoder, int64_t max_positions);

}  // namespace swift::train::grpo
