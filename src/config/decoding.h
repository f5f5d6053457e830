// The settings of guessing tokens ahead and of results that do not depend on the batch.
#pragma once
#include <string>
#include <vector>

#include "config/task.h"

namespace swift::config {

// Fills in speculative_tokens and deterministic. Throws base::Error(usage) naming the two settings that
// exclude each other.
void resolve_decoding(Task& task, std::vector<std::string>& warnings);

}  // namespace swift::config
