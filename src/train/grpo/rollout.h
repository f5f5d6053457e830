// Rollouts: prompts with what the policy, and an environment, made of them.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/encode.h"
#include "data/sample.h"
#include "train/grpo/completion_source.h"
#include "train/rewards/environment.h"
#include "train/rewards/reward.h"

namespace swift::train::grpo {

// A prompt of the dataset.
struct Prompt {
  data::Row row;  // without the answer; columns as rewards see them
  std::vector<int32_t> ids;
  std::string question;  // the last user's text
};

// One completion of a prompt; in a conversation with an environment, all that follows the prompt.
struct Rollout {
  int64_t prompt = 0;                         // index of the prompt
  std::vector<int32_t> ids;                   // behind the prompt
  std::vector<char> written;                  // 1: by the policy, 0: by the environment; of ids
  std::vector<float> log_probs;               // of ids as the sampler had them, 0 where not written
  std::string text;                           // of the last turn
  base::Json messages = base::Json::array();  // of the prompt and everything behind it
  bool truncated = false;
  int64_t turns = 1;
  std::optional<double> environment_reward;
  int64_t written_tokens() const;
};

struct RolloutSettings {
  SamplingSettings sampling;
  int64_t max_completion_length = 512;
  bool limit_total = false;  // the length limits all turns together, not each
  std::optional<int64_t> max_turns;
  int64_t max_positions = 0;  // of the model
};

// Generates one rollout for each entry of `which` (indices of prompts). streams: one number each. environment
// may be null. Throws base::Error, at the row where one is at fault.
std::vector<Rollout> generate(const std::vector<Prompt>& prompts, const std::vector<int64_t>& which,
                              const std::vector<uint64_t>& streams, CompletionSource& source,
                              const data::Encoder& encoder, rewards::Environment* environment,
                              const RolloutSettings& settings);

// A rollout as reward functions see it.
rewards::Scored scored(const Rollout& rollout, const Prompt& prompt);

// Ids of the environment's messages and the beginning of the next answer, as the template writes them behind
// an assistant's turn; what ends that turn is left out where the completion ends with it. Throws
// base::Error(data) when the template does not show where the assistant's turn ends.
std::vector<int32_t> continuation_ids(const data::Encoder& encoder, const Prompt& prompt,
                                      const base::Json& messages, const base::Json& reply,
                                      const std::vector<int32_t>& completion);

}  // namespace swift::train::grpo
