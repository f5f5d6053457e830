// GRPO on a device: rounds of completions by the engine there, updates on them, reward models.
#include <catch2/catch.hpp>

#include "../grpo/support.h"
#include "base/json.h"
#include "config/resolve.h"
#include "device/host_device.h"
#include "model/placement.h"
#include "model/value_head.h"
#include "train/grpo/model_reward.h"

using namespace swift;
using namespace swift::tests;
using base::Json;

namespace {

config::Task task_of(const fs::path& folder) {
  base::write_file_atomic(
      folder / "problems.jsonl",
      R"({"messages": [{"role": "user", "content": "How much is 1 plus 1?"}], "solution": "2"})"
      "\n"
      R"({"messages": [{"role": "user", "content": "What is 3 plus 4?"}], "solution": "7"})"
      "\n");
  config::Task task;
  task.method = "grpo";
  task.model = demo_model();
  task.dataset = {(folder / "problems.jsonl").string()};
  task.reward_funcs = {"regex:1", "regex:[2-9]", "regex:[ae]", "regex:[st]"};
  task.output_dir = (folder / "run").string();
  task.add_version = false;
  task.lora_rank = 4;
  task.num_generations = 4;
  task.per_device_train_batch_size = 4;
  task.gradient_accumulation_steps = 1;
  task.max_completion_length = 6;
  task.temperature = 1.5;
  task.max_steps = 2;
  task.learning_rate = 0.01;
  task.logging_steps = 1;
  task.save_strategy = "no";
  task.report_to = {"none"};
  config::resolve(task, "train");
  return task;
}

std::vector<Json> lines(const fs::path& file) {
  std::ifstream in(file);
  std::vector<Json> result;
  for (std::string line; std::getline(in, line);) result.push_back(Json::parse(line));
  return result;
}

struct Run {
  std::vector<Json> log, completions;
};

// An adapter over the demo's model whose value head scores conversations.
fs::path reward_model(const fs::path& folder) {
  Demo demo("float32");
  model::attach_value_head(demo.decoder, at::kFloat, 3);
  model::save_adapter(demo.decoder, demo.settings, demo_model().string(), folder);
  return folder;
}

Run run_on(at::Device device, const std::string& dtype, const fs::path& folder) {
  fs::create_directories(folder / "reward");
  const config::Task task = task_of(folder);
  Demo demo(dtype, 0.02);
  demo.settings = train::lora_settings(task);
  for (model::LinearLayer* linear : demo.decoder.linears()) linear->lora.reset();
  model::attach_lora(demo.decoder, demo.settings, static_cast<uint64_t>(task.seed));
  model::move_to(demo.decoder, device);
  const auto data = grpo::load_prompts(task, *demo.encoder, demo.decoder.spec.max_positions);
  fs::create_directories(task.output_dir);
  std::vector<std::unique_ptr<train::rewards::Reward>> models;
  models.push_back(grpo::make_model_reward(reward_model(folder / "reward"), "float32", device));
  grpo::GrpoTrainer trainer(task, demo.decoder, demo.settings, data, *demo.encoder, demo.ends(),
                            task.output_dir, std::move(models));
  REQUIRE(trainer.run().exit_code == 0);
  return {lines(folder / "run/logging.jsonl"), lines(folder / "run/completions.jsonl")};
}

}  // namespace

TEST_CASE("on a device, GRPO with a reward model draws the CPU's completions and takes its steps") {
  const fs::path folder = scratch("device");
  const Run here = run_on(at::kCPU, "float32", folder / "here"),
            there = run_on(host_device(), "float32", folder / "there");
  REQUIRE(there.completions.size() == here.completions.size());
  for (size_t i = 0; i < here.completions.size(); ++i)
    CHECK(there.completions[i].at("completion") == here.completions[i].at("completion"));
  REQUIRE(there.log.size() == here.log.size());
  for (size_t i = 0; i + 1 < here.log.size(); ++i) {
    for (const char* key : {"loss", "reward", "reward_std", "kl", "grad_norm"}) {
      CAPTURE(i, key);
      CHECK(there.log[i].at(key).get<double>() ==
            Approx(here.log[i].at(key).get<double>()).epsilon(1e-3).margin(1e-5));
    }
  }
  CHECK(here.log[0].at("grad_norm").get<double>() > 0);
}

TEST_CASE("on a device, GRPO in bf16 runs on the kernels, and rollouts are near what is trained") {
  const fs::path folder = scratch("device-bf16");
  const int64_t launches = device_traffic().launches;
  const Run run = run_on(host_device(), "bfloat16", folder);
  if (tests::on_layer()) CHECK(device_traffic().launches > launches);
  REQUIRE(run.log.size() == 3);
  CHECK(std::isfinite(run.log[1].at("loss").get<double>()));
  CHECK(run.log[0].at("sampling/sampling_logp_difference/max").get<double>() < 0.1);
}
