// What becomes of samples above max_length.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "data/sample.h"

namespace swift::data {

// Throws base::Error(usage) for an unknown strategy, and for split without pretrain.
void check_truncation(const std::string& strategy, bool pretrain);

// Samples of at most max_length tokens (no limit when that is 0 or less). delete: none; left and right: one,
// cut on that side and marked as truncated, or none when nothing trained is left; split: one after another.
std::vector<Sample> truncate(Sample sample, int64_t max_length, const std::string& strategy);

}  // namespace swift::data
