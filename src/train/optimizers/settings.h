// The settings of every optimizer, taken from a task.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "config/optim.h"
#include "config/task.h"
#include "ops/device_update.h"

namespace swift::train {

// GaLore (arXiv 2403.03507) and Q-GaLore (arXiv 2407.08296).
struct GaloreSettings {
  std::vector<std::string> targets;  // parts of weight names; empty: every hidden matrix
  bool with_embedding = false;
  int64_t rank = 128;
  int64_t update_gap = 50;  // steps between projections
  double scale = 1.0;
  std::string projection = "std";
  // Q-GaLore
  bool quantize_weights = false;     // INT8
  bool quantize_projection = false;  // INT4
  int64_t group_size = 256;
  double cosine_threshold = 0.4;
  double gap_growth = 2;
  int64_t queue_size = 5;
};

struct OptimizerSettings {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double weight_decay = 0.1;
  uint64_t seed = 42;  // of stochastic rounding
  config::OptimArgs args;
  GaloreSettings galore;
};

inline ops::AdamSettings adam_settings(const OptimizerSettings& settings) {
  return {settings.beta1, settings.beta2, settings.epsilon};
}

// Throws base::Error(usage) when optim_args is malformed.
OptimizerSettings optimizer_settings(const config::Task& task);

}  // namespace swift::train
