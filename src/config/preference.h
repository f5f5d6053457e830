// What the preference methods (dpo, kto, orpo, cpo, simpo, rm) ask of their settings.
#pragma once
#include <string>
#include <vector>

#include "config/task.h"

namespace swift::config {

// Throws base::Error(usage) that names both of two settings that exclude each other.
void resolve_preference(Task& task, std::vector<std::string>& warnings);

}  // namespace swift::config
