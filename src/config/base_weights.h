// Settings of what a run does to the model that it loads: quantized frozen weights and new tokens.
#pragma once
#include "config/task.h"

namespace swift::config {

// Throws base::Error(usage), naming both settings and why: a training run whose quant_method needs what
// tuner_type, quant_bits, init_weights or train_from_scratch do not give. For infer and export only the bits
// of bnb are checked.
void check_quantization(const Task& task, bool training);

// Replaces each .txt file in new_special_tokens by its lines and drops repeated tokens. Throws
// base::Error(usage): a file that cannot be read or has no token, an empty token.
void read_new_tokens(Task& task);

}  // namespace swift::config
