// A round: completions that are generated, scored and then trained on, maybe several times.
#pragma once
#include <cstdint>
#include <filesystem>
#include <vector>

#include "base/json.h"
#include "train/grpo/advantages.h"
#include "train/grpo/rollout.h"

namespace swift::train::grpo {

struct Round {
  int64_t index = 0;              // of the run
  int64_t update = 0;             // updates that the sampling weights had behind them
  std::vector<Rollout> rollouts;  // groups one after another
  RewardTable rewards;            // (rollouts, functions)
  Advantages advantage;
  std::vector<std::vector<float>> old_log_probs;  // by rollout; empty: those of the policy as it is
  std::vector<std::vector<float>> ref_log_probs;  // by rollout; empty: no KL
  double trained_tokens = 0;                      // that the loss counts
  int64_t used = 0;                               // micro-batches done, over all iterations
  base::Json metrics = base::Json::object();      // of generation and rewards
};

// Which tokens of a rollout the loss counts: those written by the policy; none of one that is cut off, with
// overlong_filter.
std::vector<float> loss_mask(const Rollout& rollout, bool overlong_filter);

// reward, reward_std, frac_reward_zero_std, rewards/<name>/mean and std, completions/{mean,min,max}_length,
// completions/clipped_ratio, num_turns. names: of the columns of `rewards`.
base::Json round_metrics(const Round& round, const std::vector<std::string>& names);

// A line of completions.jsonl for each rollout.
std::vector<base::Json> completion_lines(const Round& round, const std::vector<Prompt>& prompts,
                                         const std::vector<std::string>& names, int64_t step);

// Takes the lines of steps behind `step` out of a completions.jsonl: a run that is resumed there writes them
// again. Nothing when there is no such file.
void keep_completions(const std::filesystem::path& file, int64_t step);

// For a checkpoint in the middle of a round; numbers come back bit for bit.
base::Json to_json(const Round& round);
// Throws base::Error(model) when the text is malformed.
Round round_from_json(const base::Json& json);

}  // namespace swift::train::grpo
