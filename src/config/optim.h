// Names of optimizers and the settings that only some of them have.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/task.h"

namespace swift::config {

// What optim_args may hold, as "momentum=0.9,nesterov=true" (transformers' form).
struct OptimArgs {
  std::optional<double> momentum;  // sgd: 0, muon: 0.95
  std::optional<bool> nesterov;    // sgd: false, muon: true
  int64_t ns_steps = 5;
  std::string adjust_lr_fn = "original";
  bool scale_parameter = false;
  double clip_threshold = 1.0;
  double decay_rate = -0.8;
};

// Every value of `optim`, other spellings included.
std::vector<std::string_view> optim_names();
// The first spelling of a name: "adamw" for "adamw_torch"; "" for an unknown one.
std::string_view canonical_optim(std::string_view name);
bool is_galore(std::string_view name);

// Throws ConfigError (usage): not key=value, a key that this optimizer does not have, a value out of range.
OptimArgs optim_args(const Task& task);

// use_galore makes optim the GaLore form of itself; optim's own GaLore names set use_galore. Throws
// base::Error(usage) for settings that exclude each other, naming both.
void resolve_optim(Task& task);

}  // namespace swift::config
