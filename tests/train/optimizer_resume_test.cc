// A run resumed from a checkpoint ends with the same bytes as one that ran through, for every optimizer; and
// what changed between the two is named.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"
#include "model/load.h"
#include "train/optimizers/table.h"
#include "train/trainer.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden" / name;
}

std::vector<data::Sample> golden_samples() {
  std::vector<data::Sample> samples;
  for (const auto& row : base::read_json(golden("trajectory/samples.json"))) {
    samples.push_back(
        {row.at("input_ids").get<std::vector<int32_t>>(), row.at("labels").get<std::vector<int32_t>>(), {}});
  }
  return samples;
}

config::Task task_for(std::string_view optim, const char* dtype) {
  config::Task task;
  task.model = golden("models/qwen3").string();
  task.tuner_type = "full";
  task.torch_dtype = dtype;
  task.optim = std::string(optim);
  if (optim == "sgd") task.optim_args = "momentum=0.9";
  task.use_galore = config::is_galore(optim);
  task.galore_rank = 4;
  task.galore_update_proj_gap = 2;
  task.galore_queue_size = 1;
  task.galore_quantization = task.galore_proj_quant = optim == "q_galore";
  task.gradient_accumulation_steps = 2;
  task.learning_rate = 1e-3;
  task.max_steps = 6;
  task.save_steps = 3;
  task.report_to.clear();
  return task;
}

struct Run {
  model::Decoder decoder;
  train::Result result;
};

Run run(const config::Task& task, const fs::path& directory, const std::optional<fs::path>& checkpoint) {
  static const auto samples = golden_samples();
  fs::create_directories(directory);
  Run run;
  const auto type = task.torch_dtype == "bfloat16" ? at::kBFloat16 : at::kFloat;
  run.decoder = model::load_decoder(checkpoint ? checkpoint->string() : task.model, type);
  train::Trainer trainer(task, run.decoder, std::nullopt, samples, {}, directory);
  if (checkpoint) trainer.resume(*checkpoint);
  run.result = trainer.run();
  // Q-GaLore's weights are read where they are stored.
  for (model::LinearLayer* linear : run.decoder.linears()) linear->set_weight(linear->full_weight().detach());
  return run;
}

}  // namespace

TEST_CASE("a resumed run ends with the same weights, whatever the optimizer") {
  const fs::path scratch = fs::temp_directory_path() / ("swift-optimizers-" + std::to_string(getpid()));
  for (const train::OptimizerRow& row : train::optimizer_table()) {
    for (const char* dtype : {"float32", "bfloat16"}) {
      CAPTURE(std::string(row.name), dtype);
      fs::remove_all(scratch);
      const config::Task task = task_for(row.name, dtype);
      const Run whole = run(task, scratch / "whole", std::nullopt);
      fs::create_directories(scratch / "resumed");
      fs::copy(scratch / "whole/checkpoint-3", scratch / "resumed/checkpoint-3", fs::copy_options::recursive);
      const Run resumed = run(task, scratch / "resumed", scratch / "resumed/checkpoint-3");
      const auto expected = whole.decoder.weights(), weights = resumed.decoder.weights();
      for (size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(expected[i].first);
        CHECK(expected[i].second.equal(weights[i].second));
      }
      const auto start = model::load_decoder(task.model, std::nullopt).weights();
      CHECK_FALSE(start[5].second.to(at::kFloat).equal(expected[5].second.to(at::kFloat)));
    }
  }
  fs::remove_all(scratch);
}

TEST_CASE("resuming with another optimizer or another setting of it names what changed") {
  const fs::path scratch = fs::temp_directory_path() / ("swift-optimizers-named-" + std::to_string(getpid()));
  fs::remove_all(scratch);
  const config::Task task = task_for("galore_adamw", "float32");
  run(task, scratch, std::nullopt);
  const fs::path checkpoint = scratch / "checkpoint-3";
  CHECK_THROWS_WITH(run(task_for("sgd", "float32"), scratch, checkpoint),
                    Catch::Contains("optim was \"galore_adamw\", now it is \"sgd\""));
  config::Task other = task;
  other.galore_rank = 2;
  CHECK_THROWS_WITH(run(other, scratch, checkpoint), Catch::Contains("galore_rank was 4, now it is 2"));
  fs::remove_all(scratch);
}

TEST_CASE("updates in the backward pass give the same weights as updates after it") {
  const fs::path scratch = fs::temp_directory_path() / ("swift-layerwise-" + std::to_string(getpid()));
  for (const train::OptimizerRow& row : train::optimizer_table()) {
    for (const bool recompute : {true, false}) {
      CAPTURE(std::string(row.name), recompute);
      fs::remove_all(scratch);
      config::Task task = task_for(row.name, "float32");
      task.gradient_accumulation_steps = 1;
      task.max_grad_norm = 0;
      task.gradient_checkpointing = recompute;
      task.save_strategy = "no";
      const Run after = run(task, scratch / "after", std::nullopt);
      task.galore_optim_per_parameter = true;
      const Run within = run(task, scratch / "within", std::nullopt);
      const auto expected = after.decoder.weights(), weights = within.decoder.weights();
      for (size_t i = 0; i < expected.size(); ++i) {
        CAPTURE(expected[i].first);
        CHECK(expected[i].second.equal(weights[i].second));
        CHECK_FALSE(weights[i].second.grad().defined());
      }
    }
  }
  fs::remove_all(scratch);
}
