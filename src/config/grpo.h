// Defaults of GRPO, and what it asks of its settings.
#pragma once
#include <string>
#include <vector>

#include "config/task.h"

namespace swift::config {

// Throws base::Error(usage) that names both of two settings that exclude each other.
void resolve_grpo(Task& task, std::vector<std::string>& warnings);

}  // namespace swift::config
