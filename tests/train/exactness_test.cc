// What must not change a run: how a step is cut into micro-batches, packing, recomputation, threads. Fifty
// steps of a tiny model in fp32.
#include <ATen/Parallel.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "base/json.h"
#include "model/load.h"
#include "train/parameters.h"
#include "train/trainer.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

constexpr int64_t kSteps = 50;

fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden" / name;
}

std::vector<data::Sample> all_samples() {
  std::vector<data::Sample> samples;
  for (const auto& row : base::read_json(golden("trajectory/samples.json"))) {
    data::Sample sample;
    sample.input_ids = row.at("input_ids").get<std::vector<int32_t>>();
    sample.labels = row.at("labels").get<std::vector<int32_t>>();
    samples.push_back(std::move(sample));
  }
  return samples;
}

config::Task plain_task(const std::string& tuner) {
  config::Task task;
  task.model = golden("models/qwen3").string();
  task.tuner_type = tuner;
  task.torch_dtype = "float32";
  task.learning_rate = tuner == "full" ? 1e-3 : 5e-3;
  task.max_steps = kSteps;
  task.per_device_train_batch_size = 8;
  task.gradient_accumulation_steps = 1;
  task.lora_dropout = 0;
  task.logging_steps = 1;
  task.gradient_checkpointing = false;
  task.save_strategy = "no";
  task.report_to.clear();
  return task;
}

struct Run {
  std::vector<double> losses;
  model::NamedTensors trained;
};

Run run(const config::Task& task) {
  const auto samples = all_samples();
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
  std::optional<model::LoraSettings> adapter;
  if (task.tuner_type == "lora") {
    adapter = train::lora_settings(task);
    model::attach_lora(decoder, *adapter, 1);
  }
  const fs::path output = fs::temp_directory_path() / ("swift-exactness-" + std::to_string(getpid()));
  fs::remove_all(output);
  fs::create_directories(output);
  train::Trainer trainer(task, decoder, adapter, samples, {}, output);
  REQUIRE(trainer.run().exit_code == 0);
  Run result;
  std::ifstream log(output / "logging.jsonl");
  for (std::string line; std::getline(log, line);) {
    const base::Json entry = base::Json::parse(line);
    if (entry.contains("loss")) result.losses.push_back(entry.at("loss").get<double>());
  }
  fs::remove_all(output);
  REQUIRE(result.losses.size() == static_cast<size_t>(kSteps));
  REQUIRE(result.losses.back() < result.losses.front());
  result.trained = adapter ? model::adapter_tensors(decoder, *adapter) : decoder.weights();
  return result;
}

double mean_difference(const Run& a, const Run& b) {
  double sum = 0;
  for (size_t i = 0; i < a.losses.size(); ++i) sum += std::abs(a.losses[i] - b.losses[i]);
  return sum / static_cast<double>(a.losses.size());
}

void check_equal(const Run& a, const Run& b) {
  CHECK(a.losses == b.losses);
  REQUIRE(a.trained.size() == b.trained.size());
  for (size_t i = 0; i < a.trained.size(); ++i) {
    CAPTURE(a.trained[i].first);
    CHECK(at::equal(a.trained[i].second, b.trained[i].second));
  }
}

}  // namespace

TEST_CASE("eight micro-batches of one sample train as one of eight") {
  for (const char* tuner : {"lora", "full"}) {
    CAPTURE(tuner);
    config::Task task = plain_task(tuner);
    const Run whole = run(task);
    task.per_device_train_batch_size = 1;
    task.gradient_accumulation_steps = 8;
    CHECK(mean_difference(whole, run(task)) < 1e-5);
  }
}

TEST_CASE("packed samples train as unpacked ones") {
  // One pack holds all forty samples, so a step of either run sees the same ones.
  config::Task task = plain_task("lora");
  task.per_device_train_batch_size = 40;
  const Run apart = run(task);
  task.per_device_train_batch_size = 1;
  task.packing = true;
  task.packing_length = 4096;
  CHECK(mean_difference(apart, run(task)) < 1e-5);
}

TEST_CASE("recomputing activations changes no bit, with dropout and every tuner") {
  for (const char* tuner : {"lora", "dora", "full"}) {
    CAPTURE(tuner);
    config::Task task = plain_task(std::string(tuner) == "full" ? "full" : "lora");
    task.use_dora = std::string(tuner) == "dora";
    task.lora_dropout = 0.1;
    const Run kept = run(task);
    task.gradient_checkpointing = true;
    check_equal(kept, run(task));
  }
}

TEST_CASE("an MLP in tiles trains as a whole one, and its dropout repeats in the backward pass") {
  for (const bool recompute : {false, true}) {
    CAPTURE(recompute);
    config::Task task = plain_task("lora");
    task.gradient_checkpointing = recompute;
    const Run whole = run(task);
    task.tiled_mlp = true;
    task.tiled_mlp_tokens = 7;
    CHECK(mean_difference(whole, run(task)) < 1e-5);
    task.lora_dropout = 0.2;
    check_equal(run(task), run(task));
  }
}

TEST_CASE("a run repeats itself bit for bit, and one thread trains as two") {
  const int threads = at::get_num_threads();
  const config::Task task = plain_task("lora");
  at::set_num_threads(1);
  const Run one = run(task);
  check_equal(one, run(task));
  at::set_num_threads(2);
  const Run two = run(task);
  at::set_num_threads(threads);
  CHECK(mean_difference(one, two) < 1e-5);
}
