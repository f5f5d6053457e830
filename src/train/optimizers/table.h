// Every optimizer by name. A new one is a file here, a line below and a row in table.cc, and a row in
// config/optim.cc that makes its name known.
#pragma once
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "train/optimizer.h"
#include "train/optimizers/settings.h"

namespace swift::train {

using Parameters = std::vector<Parameter>;
using MakeOptimizer = std::unique_ptr<Optimizer> (*)(Parameters, const OptimizerSettings&);

std::unique_ptr<Optimizer> make_adamw(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_adamw_8bit(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_adafactor(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_lion(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_sgd(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_muon(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_galore(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_galore_8bit(Parameters parameters, const OptimizerSettings& settings);
std::unique_ptr<Optimizer> make_q_galore(Parameters parameters, const OptimizerSettings& settings);

struct OptimizerRow {
  std::string_view name;
  MakeOptimizer make;
};

std::span<const OptimizerRow> optimizer_table();

// name: any that config::canonical_optim knows. Throws base::Error(usage) for others, with the list.
std::unique_ptr<Optimizer> make_optimizer(std::string_view name, Parameters parameters,
                                          const OptimizerSettings& settings);

}  // namespace swift::train
