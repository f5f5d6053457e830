// Runs of preference training on a tiny model in fp32, and the check of ten steps against trl's DPOTrainer
// (tests/golden/preference_trajectory.py).
#pragma once
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <fstream>

#include "base/json.h"
#include "config/resolve.h"
#include "model/load.h"
#include "model/placement.h"
#include "model/value_head.h"
#include "train/parameters.h"
#include "train/preference/answer_pack.h"
#include "train/preference/setup.h"
#include "train/trainer.h"

namespace swift::tests::preference_runs {

namespace fs = std::filesystem;
using at::Tensor;
using namespace swift::train::preference;

inline fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden" / name;
}

inline const base::Json& trajectory() {
  static const base::Json loaded = base::read_json(golden("preference_trajectory.json"));
  return loaded;
}

inline data::Sample answer_of(const base::Json& row, const char* answer) {
  data::Sample sample;
  sample.input_ids = row.at("prompt_ids").get<std::vector<int32_t>>();
  sample.labels.assign(sample.input_ids.size(), data::kIgnore);
  for (const int32_t id : row.at(answer).get<std::vector<int32_t>>()) {
    sample.input_ids.push_back(id);
    sample.labels.push_back(id);
  }
  return sample;
}

inline data::PreferenceDataset rows_of(const std::string& method, size_t validation = 0) {
  data::PreferenceDataset rows;
  const auto& pairs = trajectory().at("pairs");
  for (size_t i = 0; i < pairs.size(); ++i) {
    data::Preference row;
    row.chosen = answer_of(pairs[i], method == "kto" && i % 3 == 0 ? "rejected_ids" : "chosen_ids");
    row.good = i % 3 != 0;
    if (method != "kto") row.rejected = answer_of(pairs[i], "rejected_ids");
    row.margin = static_cast<double>(i % 4) / 4;
    (i < validation ? rows.validation : rows.train).push_back(std::move(row));
  }
  return rows;
}

inline config::Task task_of(const std::string& method, const std::string& tuner = "lora") {
  config::Task task;
  task.method = method;
  task.model = golden("models/qwen3").string();
  task.dataset = {"none"};
  task.tuner_type = tuner;
  task.torch_dtype = "float32";
  task.dataset_shuffle = false;
  task.per_device_train_batch_size = 2;
  task.gradient_accumulation_steps = 2;
  task.learning_rate = 1e-3;
  task.max_steps = 10;
  task.warmup_steps = 2;
  task.logging_steps = 1;
  task.report_to.clear();
  if (tuner == "lora") task.adapters = {golden("trajectory/start/qwen3").string()};
  config::resolve(task, "train");
  return task;
}

struct Run {
  std::vector<base::Json> lines;
  model::NamedTensors trained;
  train::Result result;
};

inline fs::path fresh(const std::string& name) {
  const fs::path folder =
      fs::temp_directory_path() / ("swift-preference-" + name + "-" + std::to_string(getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  return folder;
}

inline Run run_in(config::Task task, const data::PreferenceDataset& rows, const fs::path& run,
                  const fs::path& checkpoint = {}, at::Device device = at::kCPU) {
  const bool lora = task.tuner_type == "lora", resumes = !checkpoint.empty();
  task.output_dir = run.string();
  model::Decoder decoder =
      model::load_decoder(resumes && !lora ? checkpoint : fs::path(task.model), std::nullopt);
  std::optional<model::LoraSettings> adapter;
  if (lora) adapter = model::load_adapter(decoder, resumes ? checkpoint : fs::path(task.adapters.front()));
  if (task.method == "rm") model::attach_value_head(decoder, at::kFloat, 7);
  model::move_to(decoder, device);
  auto objective = make_objective(task, decoder, adapter ? &*adapter : nullptr, rows);
  train::Trainer trainer(task, decoder, adapter, make_steps(task, rows, 512), std::move(objective), run);
  if (resumes) trainer.resume(checkpoint);
  Run done;
  done.result = trainer.run();
  REQUIRE(done.result.exit_code == 0);
  std::ifstream log(run / "logging.jsonl");
  for (std::string line; std::getline(log, line);) done.lines.push_back(base::Json::parse(line));
  done.lines.pop_back();  // the summary
  const auto trained = adapter ? model::adapter_tensors(decoder, *adapter) : decoder.weights();
  for (const auto& [name, tensor] : trained) done.trained.emplace_back(name, tensor.detach().clone());
  return done;
}

inline Run run(const config::Task& task, const data::PreferenceDataset& rows, at::Device device = at::kCPU) {
  const fs::path folder = fresh("run");
  Run done = run_in(task, rows, folder, {}, device);
  fs::remove_all(folder);
  return done;
}

inline double largest_difference(const model::NamedTensors& a, const model::NamedTensors& b) {
  REQUIRE(a.size() == b.size());
  double most = 0;
  for (size_t i = 0; i < a.size(); ++i)
    most = std::max(most, (a[i].second - b[i].second).abs().max().item<double>());
  return most;
}

inline double number(const base::Json& line, const char* key) {
  return line.at(key).get<double>();
}

inline void check_dpo_against_trl(at::Device device) {
  for (const char* name : {"sigmoid", "mixed"}) {
    CAPTURE(name);
    const base::Json& want = trajectory().at("runs").at(name);
    config::Task task = task_of("dpo");
    task.beta = want.at("settings").at("beta").get<double>();
    task.loss_type = want.at("settings").at("loss_type").get<std::vector<std::string>>();
    for (const auto& weight : want.at("settings").value("loss_weights", base::Json::array()))
      task.loss_weights.push_back(weight.dump());
    const Run found = run(task, rows_of("dpo"), device);
    const auto& steps = want.at("steps");
    REQUIRE(found.lines.size() == steps.size());
    for (size_t i = 0; i < steps.size(); ++i) {
      CAPTURE(i);
      for (const char* key : {"loss", "grad_norm", "learning_rate", "rewards/chosen", "rewards/rejected",
                              "rewards/margins", "logps/chosen", "logps/rejected"})
        CHECK(number(found.lines[i], key) == Approx(number(steps[i], key)).epsilon(1e-4).margin(1e-5));
      CHECK(number(found.lines[i], "rewards/accuracies") == Approx(number(steps[i], "rewards/accuracies")));
    }
    for (const auto& [tensor, value] : found.trained)
      CHECK(value.norm().item<double>() ==
            Approx(want.at("final_norms").at(tensor).get<double>()).epsilon(1e-4));
    if (std::string(name) == "sigmoid")
      CHECK(number(found.lines[0], "loss") == Approx(std::log(2.0)).epsilon(1e-6));
  }
}

}  // namespace swift::tests::preference_runs
