// What must be the same for a resumed run to continue the interrupted one.
#pragma once
#include <span>

#include "base/json.h"
#include "config/task.h"
#include "data/sample.h"

namespace swift::train {

// lr_scheduler_kwargs as an object. Throws base::Error(usage) when it is malformed.
base::Json schedule_arguments(const config::Task& task);

// Settings by name, a hash of the encoded samples, their number (items: samples, or packed sequences) and the
// steps of the run.
base::Json fingerprint(const config::Task& task, int64_t items, std::span<const data::Sample> samples,
                       int64_t total_steps);

}  // namespace swift::train
