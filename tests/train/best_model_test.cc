// load_best_model_at_end: what the run ends with, and what pruning leaves.
#include "train/best_model.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "model/load.h"
#include "train/parameters.h"
#include "train/run_directory.h"
#include "train/trainer.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

// Training on one text and validation on another: the validation loss falls, then rises.
std::vector<data::Sample> samples(int32_t first) {
  std::vector<data::Sample> result;
  for (int32_t i = 0; i < 4; ++i) {
    data::Sample sample;
    for (int32_t t = 0; t < 12; ++t) sample.input_ids.push_back(2 + (first + i * 7 + t * (first + 3)) % 100);
    sample.labels = sample.input_ids;
    result.push_back(sample);
  }
  return result;
}

config::Task task_of(const std::string& tuner) {
  config::Task task;
  task.model = (fs::path(SWIFT_SOURCE_DIR) / "tests/golden/models/qwen3").string();
  task.tuner_type = tuner;
  task.torch_dtype = "float32";
  task.lora_dropout = 0;
  task.per_device_train_batch_size = 4;
  task.gradient_accumulation_steps = 1;
  task.learning_rate = tuner == "full" ? 1e-2 : 5e-2;
  task.lr_scheduler_type = "constant";
  task.max_steps = 8;
  task.save_steps = 1;
  task.eval_strategy = "steps";
  task.eval_steps = 1;
  task.load_best_model_at_end = true;
  task.report_to.clear();
  return task;
}

fs::path fresh_run() {
  const fs::path run = fs::temp_directory_path() / ("swift-best-" + std::to_string(getpid()));
  fs::remove_all(run);
  fs::create_directories(run);
  return run;
}

base::Json last_line(const fs::path& run) {
  std::ifstream in(run / "logging.jsonl");
  base::Json last;
  for (std::string line; std::getline(in, line);) last = base::Json::parse(line);
  return last;
}

struct Ended {
  train::Result result;
  double validation;  // loss of the model in memory at the end
  base::Json summary;
};

Ended run_task(const config::Task& task, const fs::path& run) {
  const auto data = samples(1), validation = samples(40);
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
  std::optional<model::LoraSettings> adapter;
  if (task.tuner_type == "lora") {
    adapter = train::lora_settings(task);
    model::attach_lora(decoder, *adapter, 1);
  }
  train::Trainer trainer(task, decoder, adapter, data, validation, run);
  const train::Result result = trainer.run();
  return {result, trainer.evaluate(validation), last_line(run)};
}

}  // namespace

TEST_CASE("the run ends with the weights of the best checkpoint, for every tuner") {
  for (const std::string variant : {"full", "lora", "dora", "pissa"}) {
    CAPTURE(variant);
    config::Task task = task_of(variant == "full" ? "full" : "lora");
    task.use_dora = variant == "dora";
    if (variant == "pissa") task.init_weights = "pissa";
    const fs::path run = fresh_run();
    const Ended ended = run_task(task, run);
    REQUIRE(ended.result.exit_code == 0);
    const double best = ended.summary.at("best_metric");
    CHECK(ended.validation == Approx(best).epsilon(1e-5));
    CHECK(ended.result.last_checkpoint == ended.result.best_checkpoint);
    CHECK(ended.summary.at("last_model_checkpoint") == ended.result.best_checkpoint.string());
    CHECK(ended.result.best_checkpoint != run / "checkpoint-8");
    CHECK(fs::exists(run / "checkpoint-8"));  // to resume from
  }
}

TEST_CASE("without load_best_model_at_end the run ends with its last weights") {
  config::Task task = task_of("full");
  task.load_best_model_at_end = false;
  const Ended ended = run_task(task, fresh_run());
  CHECK(ended.validation > ended.summary.at("best_metric").get<double>() + 1e-3);
  CHECK(ended.result.last_checkpoint.filename() == "checkpoint-8");
}

TEST_CASE("the best checkpoint is one that was saved, and is never pruned") {
  config::Task task = task_of("full");
  task.save_total_limit = 1;
  task.save_steps = 2;
  const fs::path run = fresh_run();
  const Ended ended = run_task(task, run);
  const auto kept = train::checkpoints_of(run);
  REQUIRE(kept.size() == 2);
  CHECK(kept.front() == ended.result.best_checkpoint);
  CHECK(train::checkpoint_step(kept.front()) % 2 == 0);
  CHECK(kept.back().filename() == "checkpoint-8");
}

TEST_CASE("greater_is_better turns the comparison round") {
  config::Task task;
  CHECK(train::is_better(task, 1.0, std::nullopt));
  CHECK(train::is_better(task, 0.5, 1.0));
  CHECK_FALSE(train::is_better(task, 1.0, 1.0));
  task.greater_is_better = true;
  CHECK(train::is_better(task, 2.0, 1.0));
  CHECK_FALSE(train::is_better(task, 0.5, 1.0));
}
