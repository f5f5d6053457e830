// Short runs of training on the CPU and on the device.
#pragma once
#include "../train/trajectory.h"
#include "device/host_device.h"

namespace swift::tests::device_runs {

namespace fs = std::filesystem;

struct Folder {
  fs::path path = fs::temp_directory_path() / ("swift_device_train_" + std::to_string(getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
};

inline std::vector<data::Sample> samples() {
  std::vector<data::Sample> all;
  for (int32_t i = 0; i < 24; ++i) {
    data::Sample sample;
    for (int32_t t = 0; t < 10 + 5 * (i % 7); ++t) sample.input_ids.push_back((i * 31 + t * t) % 120 + 2);
    sample.labels = sample.input_ids;
    std::fill_n(sample.labels.begin(), 4, data::kIgnore);
    all.push_back(std::move(sample));
  }
  return all;
}

// Four steps in which nothing is drawn but dropout.
inline config::Task task_of(const std::string& tuner) {
  config::Task task;
  task.tuner_type = tuner;
  task.dataset_shuffle = false;
  task.per_device_train_batch_size = 2;
  task.gradient_accumulation_steps = 2;
  task.learning_rate = 2e-3;
  task.max_steps = 4;
  task.warmup_steps = 0;
  task.lora_dropout = 0.1;
  task.logging_steps = 1;
  task.save_steps = 2;
  task.report_to.clear();
  return task;
}

struct Run {
  std::vector<double> losses;
  fs::path directory;
  int64_t replays = 0;  // of graphs
};

// Trains the golden model `name`; from a checkpoint of the same run, if given.
inline Run train_on(at::Device device, config::Task task, const std::string& name, at::ScalarType type,
                    const fs::path& folder, const fs::path& checkpoint = {}) {
  task.model = tests::trajectory::golden("models/" + name).string();
  static const auto rows = samples();
  const bool whole = task.tuner_type == "full" && !checkpoint.empty();
  model::Decoder decoder = model::load_decoder(whole ? checkpoint : fs::path(task.model), type);
  std::optional<model::LoraSettings> adapter;
  if (task.tuner_type == "lora") {
    adapter = train::lora_settings(task);
    if (checkpoint.empty()) model::attach_lora(decoder, *adapter, 3);
    if (!checkpoint.empty()) adapter = model::restore_adapter(decoder, *adapter, checkpoint);
  }
  model::move_to(decoder, device);
  Run run{{}, folder, 0};
  fs::create_directories(run.directory);
  train::Trainer trainer(task, decoder, adapter, std::span(rows), {}, run.directory);
  if (!checkpoint.empty()) trainer.resume(checkpoint);
  const int code = trainer.run().exit_code;  // what it throws is for the caller
  REQUIRE(code == 0);
  run.replays = trainer.graph_replays();
  for (const base::Json& line : tests::trajectory::log_lines(run.directory))
    if (line.contains("loss")) run.losses.push_back(line.at("loss").get<double>());
  return run;
}

inline void check_near(const std::vector<double>& got, const std::vector<double>& want, double tolerance) {
  REQUIRE(got.size() == want.size());
  for (size_t i = 0; i < got.size(); ++i) CHECK(got[i] == Approx(want[i]).epsilon(tolerance));
}

}  // namespace swift::tests::device_runs
