// How many optimizer steps a run has.
#pragma once
#include "config/task.h"

namespace swift::train {

// max_steps, or what num_train_epochs needs; 1 at least.
int64_t count_steps(const config::Task& task, int64_t steps_per_epoch);

}  // namespace swift::train
