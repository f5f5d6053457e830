// Which settings of the tuners exclude each other.
#pragma once
#include "config/task.h"

namespace swift::config {

// Throws base::Error(usage), naming both settings and why: settings of LoRA with tuner_type full and of
// freezing with lora, target_regex beside target_modules, lorap_lr_ratio with use_lora_fa, malformed
// rank_pattern, alpha_pattern or init_weights.
void check_tuner(const Task& task);

}  // namespace swift::config
