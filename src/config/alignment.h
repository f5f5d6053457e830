// The settings of the alignment methods: defaults that depend on the method, and what excludes each other.
#pragma once
#include <string>
#include <vector>

#include "config/task.h"

namespace swift::config {

// dpo, kto, orpo, cpo, simpo and rm: trained on preferences that the data holds.
bool is_preference(std::string_view method);
// Whether the method measures its model against a frozen one: dpo, kto, grpo.
bool has_reference(const Task& task);

// Fills loss_type, beta, loss_scale, truncation_strategy, disable_dropout and what grpo generates with.
// Before the defaults of training. Returns warnings through `warnings`. Throws base::Error(usage) for
// settings that exclude each other.
void resolve_alignment(Task& task, std::vector<std::string>& warnings);

// A list of numbers (loss_weights, reward_weights). Throws base::Error(usage) that names the key.
std::vector<double> numbers(const Task& task, std::string_view key, const std::vector<std::string>& texts);

}  // namespace swift::config
