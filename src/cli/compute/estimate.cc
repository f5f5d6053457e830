#include <filesystem>
#include <iostream>

#include "cli/compute/verbs.h"
#include "model/families.h"
#include "train/plan/preflight.h"

namespace swift::cli {
namespace fs = std::filesystem;
namespace {

// A loaded tokenizer takes about this many times its file.
constexpr int64_t kTokenizerGrowth = 8;

int64_t tokenizer_bytes(const fs::path& model) {
  std::error_code fault;
  const auto size = fs::file_size(model / "tokenizer.json", fault);
  return fault ? 0 : static_cast<int64_t>(size) * kTokenizerGrowth;
}

train::Plan plan_without_data(const config::Task& task) {
  const auto spec = model::read_spec(model::HfConfig::read(task.model));
  return train::plan_of(task, train::assumed_batch(task, spec),
                        base::resident_bytes() + tokenizer_bytes(task.model));
}

}  // namespace

int estimate(const config::Task& task) {
  std::cout << train::plan_table(plan_without_data(task));
  return std::cout.flush() ? 0 : 1;
}

int estimate_json(const config::Task& task) {
  std::cout << train::plan_json(plan_without_data(task)).dump() << "\n";
  return std::cout.flush() ? 0 : 1;
}

}  // namespace swift::cli
