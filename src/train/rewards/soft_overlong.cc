// 0 up to soft_cache_length tokens before the longest length, from there falling by 1 over these (DAPO, arXiv
// 2503.14476). Not held at -1, as in ms-swift.
#include <algorithm>

#include "train/rewards/reward.h"

namespace swift::train::rewards {

std::unique_ptr<Reward> make_soft_overlong(const std::string& /*argument*/, const RewardSettings& settings) {
  if (!settings.soft_cache_length) {
    throw base::Error(base::ExitCode::usage, "reward soft_overlong needs soft_cache_length", {},
                      "set soft_cache_length to the tokens over which the penalty grows");
  }
  const auto cache = static_cast<double>(*settings.soft_cache_length);
  const auto longest = static_cast<double>(settings.soft_max_length.value_or(settings.max_completion_length));
  if (cache > longest) {
    throw base::Error(base::ExitCode::usage, "soft_cache_length is above soft_max_length", {},
                      "soft_max_length is max_completion_length where it is not set");
  }
  return std::make_unique<RowReward>("soft_overlong", [cache, longest](const Scored& row) {
    return std::min(-(static_cast<double>(row.tokens) - (longest - cache)) / cache, 0.0);
  });
}

}  // namespace swift::train::rewards
