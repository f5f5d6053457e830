// A task's settings as the parts of GRPO take them.
#pragma once
#include "config/task.h"
#include "train/grpo/advantages.h"
#include "train/grpo/engine_source.h"
#include "train/grpo/loss.h"
#include "train/grpo/round_maker.h"

namespace swift::train::grpo {

LossSettings loss_settings(const config::Task& task);
RoundSettings round_settings(const config::Task& task, int64_t max_positions);
rewards::RewardSettings reward_settings(const config::Task& task);
// reward_weights, filled up with ones.
std::vector<double> reward_weights(const config::Task& task, size_t rewards);
// Those of reward_funcs. Throws base::Error(usage).
std::vector<std::unique_ptr<rewards::Reward>> make_rewards(const config::Task& task);

// How rounds, iterations and optimizer steps fit together.
struct Rhythm {
  int64_t micro_batch = 1;       // completions of a forward pass
  int64_t accumulation = 1;      // forward passes of an optimizer step
  int64_t passes_per_round = 1;  // steps_per_generation
  int64_t iterations = 1;        // times that a round is gone through
  int64_t micro_batches() const { return passes_per_round * iterations; }  // of a round
  // Updates that a round serves; 0 when an update needs several rounds.
  int64_t updates_per_round() const { return micro_batches() / accumulation; }
  int64_t rounds_per_update() const { return (accumulation + micro_batches() - 1) / micro_batches(); }
};
Rhythm rhythm(const config::Task& task);

}  // namespace swift::train::grpo
