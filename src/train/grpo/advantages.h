// From rewards to advantages. Formulas are those of ms-swift 4.6 and TRL 0.29 (reference/training.md 3.5).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swift::train::grpo {

// One completion a row: what each reward function gave. NaN: that function does not apply to the row.
using RewardTable = std::vector<std::vector<double>>;

struct AdvantageSettings {
  std::string estimator = "grpo";  // grpo, rloo, reinforce_plus_plus
  std::string scale = "group";     // group, batch, none, gdpo; for estimator grpo
  std::vector<double> weights;     // of the reward functions
  int64_t group_size = 8;          // rows of one prompt, next to each other
};

struct Advantages {
  std::vector<double> rewards;     // (rows) weighted sums; NaN where no function applied
  std::vector<double> advantages;  // (rows) 0 where no function applied
  double mean_reward = 0;
  double mean_group_std = 0;  // mean over groups of the standard deviation in the group
  double zero_std_share = 0;  // groups whose rewards are all equal, and so teach nothing
};

// Names that AdvantageSettings::estimator and ::scale take.
bool is_advantage_estimator(std::string_view name);
bool is_reward_scale(std::string_view name);

// rewards (rows, functions), rows a multiple of the group size. penalties: (rows) or empty, taken off the
// weighted sums (beta times the KL of the row, where it counts as reward).
Advantages advantages(const RewardTable& rewards, const AdvantageSettings& settings,
                      const std::vector<double>& penalties = {});

}  // namespace swift::train::grpo
