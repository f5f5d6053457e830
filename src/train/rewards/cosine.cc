// Correct answers earn more the shorter they are, wrong ones less: a cosine over the length (arXiv
// 2502.03373).
#include <cmath>

#include "train/rewards/accuracy.h"

namespace swift::train::rewards {

std::unique_ptr<Reward> make_cosine(const std::string& /*argument*/, const RewardSettings& settings) {
  return std::make_unique<RowReward>("cosine", [settings](const Scored& row) {
    const bool right = accuracy(row) >= 1;
    const double low = right ? settings.cosine_max_len_value_correct : settings.cosine_max_len_value_wrong;
    const double high = right ? settings.cosine_min_len_value_correct : settings.cosine_min_len_value_wrong;
    const auto longest =
        static_cast<double>(settings.cosine_max_len.value_or(settings.max_completion_length));
    const double wave = std::cos(M_PI * static_cast<double>(row.tokens) / longest);
    return high - (high - low) * (1.0 - wave) / 2.0;
  });
}

}  // namespace swift::train::rewards
