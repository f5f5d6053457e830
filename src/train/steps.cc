#include "train/steps.h"

#include <algorithm>
#include <cmath>

namespace swift::train {

int64_t count_steps(const config::Task& task, int64_t steps_per_epoch) {
  if (task.max_steps > 0) return task.max_steps;
  const double steps = task.num_train_epochs * static_cast<double>(steps_per_epoch);
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(steps)));
}

}  // namespace swift::train
