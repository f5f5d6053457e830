// 1 when the completion's answer is that of the column `solution`, else 0 (maths.h says what is read).
#include "train/rewards/accuracy.h"

#include "train/rewards/maths.h"

namespace swift::train::rewards {

double accuracy(const Scored& row) {
  const std::string solution = text_column(row, "solution", "accuracy");
  const std::string wanted = answer_of(solution);
  const std::string given = answer_of(row.completion);
  if (same_answer(given, wanted)) return 1;
  // A text as the solution: the answer must be that text, not the last number of it.
  return !value_of(wanted) && same_answer(row.completion, solution) ? 1 : 0;
}

std::unique_ptr<Reward> make_accuracy(const std::string& /*argument*/, const RewardSettings& /*settings*/) {
  return std::make_unique<RowReward>("accuracy", accuracy);
}

}  // namespace swift::train::rewards
