#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

namespace {

std::string fault(const std::string& yaml) {
  Loaded loaded = given("model: m\ndataset: d\nload_best_model_at_end: true\n" + yaml);
  try {
    resolve(loaded.task, "train");
    return "";
  } catch (const swift::base::Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    return error.what();
  }
}

}  // namespace

TEST_CASE("load_best_model_at_end names the settings that contradict it") {
  CHECK(fault("val_dataset: v\n").empty());
  CHECK(fault("split_dataset_ratio: 0.1\nsave_steps: 20\neval_steps: 10\n").empty());
  CHECK(contains(fault(""), "val_dataset or split_dataset_ratio"));
  const std::string strategies = fault("val_dataset: v\neval_strategy: epoch\n");
  CHECK(contains(strategies, "eval_strategy: epoch"));
  CHECK(contains(strategies, "save_strategy: steps"));
  CHECK(contains(fault("val_dataset: v\nsave_strategy: 'no'\neval_strategy: 'no'\n"), "save_strategy: no"));
  const std::string steps = fault("val_dataset: v\nsave_steps: 15\neval_steps: 10\n");
  CHECK(contains(steps, "save_steps: 15"));
  CHECK(contains(steps, "eval_steps: 10"));
}
