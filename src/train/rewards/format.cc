// 1 when the completion is <think>…</think>, blanks, <answer>…</answer> and nothing else, else 0.
#include "train/rewards/reward.h"

namespace swift::train::rewards {
namespace {

double has_format(const Scored& row) {
  const std::string_view text = row.completion;
  constexpr std::string_view kOpen = "<think>", kClose = "</think>", kAnswer = "<answer>", kEnd = "</answer>";
  if (!text.starts_with(kOpen) || !text.ends_with(kEnd)) return 0;
  for (size_t at = text.find(kClose, kOpen.size()); at != std::string_view::npos;
       at = text.find(kClose, at + 1)) {
    const size_t next = text.find_first_not_of(" \t\r\n\f\v", at + kClose.size());
    if (next == std::string_view::npos || !text.substr(next).starts_with(kAnswer)) continue;
    if (text.size() - next >= kAnswer.size() + kEnd.size()) return 1;
  }
  return 0;
}

}  // namespace

std::unique_ptr<Reward> make_format(const std::string& /*argument*/, const RewardSettings& /*settings*/) {
  return std::make_unique<RowReward>("format", has_format);
}

}  // namespace swift::train::rewards
