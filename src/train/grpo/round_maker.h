// Draws prompts, has completions generated for them and scores these.
#pragma once
#include <memory>
#include <span>

#include "data/sampler.h"
#include "train/grpo/round.h"

namespace swift::train::grpo {

struct RoundSettings {
  int64_t prompts = 1;          // of a round
  int64_t num_generations = 8;  // completions of a prompt
  bool dynamic_sample = false;  // other prompts for groups whose rewards are all equal
  int64_t max_resample_times = 3;
  RolloutSettings rollout;
  std::vector<double> weights;  // of the rewards
};

class RoundMaker {
 public:
  // All must outlive it. environment may be null.
  RoundMaker(RoundSettings settings, const std::vector<Prompt>& prompts, const data::Encoder& encoder,
             CompletionSource& source, rewards::Environment* environment,
             std::span<const std::unique_ptr<rewards::Reward>> rewards, data::Sampler sampler);

  // Rollouts and rewards of the next round; what depends on the policy's own log-probabilities is still to
  // come. Throws base::Error; the prompts drawn are then as if they had not been.
  Round make(int64_t index, int64_t update);
  // One greedy completion for each of the prompts.
  Round evaluate(const std::vector<Prompt>& prompts);

  data::Cursor cursor() const { return sampler_.cursor(); }
  void seek(data::Cursor cursor) { sampler_.seek(cursor); }
  // Of the columns of Round::rewards.
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<int64_t> draw();
  Round attempt(const std::vector<int64_t>& prompts, int64_t index, int64_t attempt);
  void score(Round& round, const std::vector<Prompt>& prompts);
  bool teaches(const Round& round, size_t group) const;

  RoundSettings settings_;
  const std::vector<Prompt>& prompts_;
  const data::Encoder& encoder_;
  CompletionSource& source_;
  rewards::Environment* environment_;
  std::span<const std::unique_ptr<rewards::Reward>> rewards_;
  data::Sampler sampler_;
  std::vector<std::string> names_;
};

}  // namespace swift::train::grpo
