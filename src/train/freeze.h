// Which weights full tuning trains: ms-swift's freeze_parameters, freeze_parameters_regex and
// freeze_parameters_ratio, then trainable_parameters and trainable_parameters_regex, which win.
#pragma once
#include <string>
#include <vector>

#include "config/task.h"

namespace swift::train {

// A weight as it is counted here.
struct Weight {
  std::string name;
  int64_t size = 0;  // elements
};

// Whether each weight is trained. The ratio freezes whole weights, from the first on in transformers' order
// of parameters, up to that part of all elements. Throws base::Error(usage): a name or expression that
// matches no weight, a malformed expression, settings that leave nothing to train.
std::vector<bool> trained_weights(const std::vector<Weight>& weights, const config::Task& task);

}  // namespace swift::train
