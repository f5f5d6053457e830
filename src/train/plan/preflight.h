// The plan of a task, and whether it fits.
#pragma once
#include <span>

#include "base/memory.h"
#include "data/sample.h"
#include "train/plan/plan.h"

namespace swift::train {

// Without data: every sample has max_length tokens, all of them trained.
BatchShape assumed_batch(const config::Task& task, const model::ModelSpec& spec);
// The largest micro-batch that the run will see; for very long runs a bound of it.
BatchShape largest_batch(const config::Task& task, const model::ModelSpec& spec,
                         std::span<const data::Sample> samples);

// Reads config.json of the task's model. program: resident bytes before the weights are loaded.
Plan plan_of(const config::Task& task, const BatchShape& batch, int64_t program);

// Nothing when the plan fits; a warning's text when it is above the limit; throws base::Error(device) with
// what to change when it is above by more than a fifth.
std::string check_fit(const Plan& plan, const config::Task& task, const base::MemoryLimit& limit);

}  // namespace swift::train
