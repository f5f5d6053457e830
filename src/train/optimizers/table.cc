#include "train/optimizers/table.h"

#include <array>

#include "base/error.h"

namespace swift::train {
namespace {

constexpr std::array<OptimizerRow, 9> kTable = {{
    {"adamw", make_adamw},
    {"adamw_8bit", make_adamw_8bit},
    {"adafactor", make_adafactor},
    {"lion", make_lion},
    {"sgd", make_sgd},
    {"muon", make_muon},
    {"galore_adamw", make_galore},
    {"galore_adamw_8bit", make_galore_8bit},
    {"q_galore", make_q_galore},
}};

}  // namespace

std::span<const OptimizerRow> optimizer_table() {
  return kTable;
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view name, Parameters parameters,
                                          const OptimizerSettings& settings) {
  const std::string_view canonical = config::canonical_optim(name);
  for (const OptimizerRow& row : kTable) {
    if (row.name == canonical) return row.make(std::move(parameters), settings);
  }
  std::string known;
  for (const std::string_view one : config::optim_names())
    known += (known.empty() ? "" : ", ") + std::string(one);
  throw base::Error(base::ExitCode::usage, "unknown optimizer '" + std::string(name) + "'", {},
                    "one of " + known);
}

}  // namespace swift::train
