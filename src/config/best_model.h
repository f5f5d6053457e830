// The settings around the best checkpoint of a run.
#pragma once
#include "config/task.h"

namespace swift::config {

// load_best_model_at_end needs a checkpoint of every evaluation that may be the best. Throws
// base::Error(usage) naming the two settings that disagree, as transformers' TrainingArguments does. Call
// when eval_strategy and eval_steps are resolved.
void check_best_model(const Task& task, bool validates);

}  // namespace swift::config
