// The settings of the data path that depend on each other.
#pragma once
#include "config/task.h"

namespace swift::config {

// Checks loss_scale, streaming and group_by_length, and fills in cache_dir. Throws base::Error(usage) that
// names both of two settings that exclude each other.
void resolve_data_options(Task& task);

}  // namespace swift::config
