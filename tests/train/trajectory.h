// Ten optimizer steps against transformers + PEFT in fp32 (tests/golden/make_trajectory.py): loss and
// gradient norm to 1e-4 relative, learning rates and final weights.
#pragma once
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "base/json.h"
#include "model/load.h"
#include "model/placement.h"
#include "train/parameters.h"
#include "train/trainer.h"

namespace swift::tests::trajectory {

namespace fs = std::filesystem;

inline fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden" / name;
}

inline std::vector<data::Sample> samples_of(const base::Json& rows) {
  std::vector<data::Sample> samples;
  for (const auto& row : rows) {
    samples.push_back(
        {row.at("input_ids").get<std::vector<int32_t>>(), row.at("labels").get<std::vector<int32_t>>(), {}});
  }
  return samples;
}

inline config::Task task_of(const base::Json& run, const std::string& model) {
  const base::Json& s = run.at("settings");
  config::Task task;
  task.model = (golden("models") / model).string();
  task.tuner_type = s.at("tuner").get<std::string>();
  task.torch_dtype = "float32";
  task.lora_dropout = 0;
  const base::Json variant = s.value("variant", base::Json::object());
  if (variant.contains("target_modules")) task.target_modules = variant.at("target_modules");
  task.use_rslora = variant.value("use_rslora", false);
  task.use_dora = variant.value("use_dora", false);
  task.lora_bias = variant.value("bias", "none");
  task.init_weights = variant.value("init_lora_weights", "true");
  if (s.contains("galore")) {
    task.optim = "galore_adamw";
    task.use_galore = true;
    task.galore_rank = s.at("galore").at("rank");
    task.galore_update_proj_gap = s.at("galore").at("update_proj_gap");
    task.galore_scale = s.at("galore").at("scale");
  }
  task.use_lora_fa = s.value("lora_fa", false);
  if (s.contains("lorap_lr_ratio")) task.lorap_lr_ratio = s.at("lorap_lr_ratio").get<double>();
  task.freeze_parameters = s.value("freeze", std::vector<std::string>());
  task.dataset_shuffle = false;
  task.per_device_train_batch_size = s.at("per_device_train_batch_size");
  task.gradient_accumulation_steps = s.at("gradient_accumulation_steps").get<int64_t>();
  task.learning_rate = s.at("learning_rate").get<double>();
  task.lr_scheduler_type = s.at("lr_scheduler_type").get<std::string>();
  task.warmup_steps = s.at("warmup_steps");
  task.max_steps = s.at("max_steps");
  task.weight_decay = s.at("weight_decay");
  task.adam_beta1 = s.at("adam_beta1");
  task.adam_beta2 = s.at("adam_beta2");
  task.adam_epsilon = s.at("adam_epsilon");
  task.max_grad_norm = s.at("max_grad_norm");
  task.logging_steps = 1;
  task.report_to.clear();
  return task;
}

// How the run keeps the frozen linears.
inline std::optional<model::BaseQuantization> base_of(const base::Json& run) {
  const std::string kind = run.at("settings").value("quant", "");
  using Format = model::BaseQuantization::Format;
  if (kind.empty()) return std::nullopt;
  return {{.format = kind == "nf4" ? Format::nf4 : kind == "fp4" ? Format::fp4 : Format::int8}};
}

// The adapter that the run starts from: A and B of the file where there is one, all else as it is fresh.
inline model::LoraSettings start_adapter(const config::Task& task, const base::Json& run,
                                         model::Decoder& decoder, const std::string& family) {
  const base::Json& s = run.at("settings");
  if (!s.contains("variant")) return model::load_adapter(decoder, golden("trajectory/start") / family);
  const model::LoraSettings settings = train::lora_settings(task);
  model::attach_lora(decoder, settings, 0);
  if (!s.contains("start")) return settings;
  const auto files = model::TensorFiles::from_file(
      golden("trajectory/start") / s.at("start").get<std::string>() / "adapter_model.safetensors");
  for (auto& [name, tensor] : model::adapter_tensors(decoder, settings)) {
    if (files.has(name)) tensor.copy_(files.get(name));
  }
  model::refresh_norms(decoder);
  return settings;
}

inline std::vector<base::Json> log_lines(const fs::path& run) {
  std::vector<base::Json> lines;
  std::ifstream in(run / "logging.jsonl");
  for (std::string line; std::getline(in, line);) lines.push_back(base::Json::parse(line));
  return lines;
}

// A run of tests/golden/trajectory, on `device`.
inline void check_run(const std::string& name, bool recompute, at::Device device = at::kCPU) {
  CAPTURE(name, recompute);
  const base::Json run = base::read_json(golden("trajectory") / (name + ".json"));
  const std::string family = run.at("settings").at("model");
  config::Task task = task_of(run, family);
  task.gradient_checkpointing = recompute;
  const auto samples = samples_of(base::read_json(golden("trajectory/samples.json")));
  const int64_t count = run.at("settings").at("samples");
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt, base_of(run));
  std::optional<model::LoraSettings> adapter;
  if (task.tuner_type == "lora") adapter = start_adapter(task, run, decoder, family);
  model::move_to(decoder, device);
  const fs::path output = fs::temp_directory_path() / ("swift-trajectory-" + std::to_string(getpid()));
  fs::remove_all(output);
  fs::create_directories(output);
  train::Trainer trainer(task, decoder, adapter, std::span(samples).first(static_cast<size_t>(count)), {},
                         output);
  REQUIRE(trainer.run().exit_code == 0);
  const auto lines = log_lines(output);
  const auto& steps = run.at("steps");
  REQUIRE(lines.size() == steps.size() + 1);
  for (size_t i = 0; i < steps.size(); ++i) {
    CHECK(lines[i].at("loss").get<double>() == Approx(steps[i].at("loss").get<double>()).epsilon(1e-4));
    CHECK(lines[i].at("grad_norm").get<double>() ==
          Approx(steps[i].at("grad_norm").get<double>()).epsilon(1e-4));
    CHECK(lines[i].at("learning_rate").get<double>() ==
          Approx(steps[i].at("learning_rate").get<double>()).epsilon(1e-9));
  }
  size_t compared = 0;
  for (const auto& [tensor, value] :
       (adapter ? model::adapter_tensors(decoder, *adapter) : decoder.weights())) {
    if (!run.at("final_norms").contains(tensor)) continue;
    CHECK(value.norm().item<double>() ==
          Approx(run.at("final_norms").at(tensor).get<double>()).epsilon(1e-4));
    ++compared;
  }
  CHECK(compared == run.at("final_norms").size());
}

}  // namespace swift::tests::trajectory
