// length: 1 for an empty completion, falling to 0 at max_completion_length. length:N: 1 at N tokens, falling
// to 0 at none and at twice as many.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "train/rewards/reward.h"

namespace swift::train::rewards {

std::unique_ptr<Reward> make_length(const std::string& argument, const RewardSettings& settings) {
  int64_t wanted = 0;
  if (!argument.empty()) {
    const char* end = argument.data() + argument.size();
    const auto [stop, fault] = std::from_chars(argument.data(), end, wanted);
    if (fault != std::errc() || stop != end || wanted < 1)
      throw base::Error(base::ExitCode::usage, "reward length:" + argument + " is no number of tokens");
  }
  const double scale = static_cast<double>(wanted > 0 ? wanted : settings.max_completion_length);
  return std::make_unique<RowReward>("length", [wanted, scale](const Scored& row) {
    return std::max(0.0, 1.0 - std::abs(static_cast<double>(row.tokens - wanted)) / scale);
  });
}

}  // namespace swift::train::rewards
