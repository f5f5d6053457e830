// Optimizer state and activations outside of memory: the same bits as without.
#include "train/offload.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "model/load.h"
#include "train/optimizers/table.h"
#include "train/parameters.h"
#include "train/trainer.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

fs::path fresh(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / (name + std::to_string(getpid()));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::string bytes_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::vector<data::Sample> samples() {
  std::vector<data::Sample> result;
  for (int32_t i = 0; i < 6; ++i) {
    data::Sample sample;
    for (int32_t t = 0; t < 20; ++t) sample.input_ids.push_back(2 + (i * 7 + t * 5) % 100);
    sample.labels = sample.input_ids;
    result.push_back(sample);
  }
  return result;
}

// Trains four steps and returns the run's directory.
fs::path run_task(config::Task task, const std::string& name) {
  task.model = (fs::path(SWIFT_SOURCE_DIR) / "tests/golden/models/qwen3").string();
  task.per_device_train_batch_size = 2;
  task.gradient_accumulation_steps = 2;
  task.learning_rate = 1e-3;
  task.max_steps = 4;
  task.report_to.clear();
  const auto data = samples();
  model::Decoder decoder = model::load_decoder(task.model, model::parse_dtype(task.torch_dtype));
  std::optional<model::LoraSettings> adapter;
  if (task.tuner_type == "lora") {
    adapter = train::lora_settings(task);
    model::attach_lora(decoder, *adapter, 1);
  }
  const fs::path run = fresh(name);
  train::Trainer trainer(task, decoder, adapter, data, {}, run);
  REQUIRE(trainer.run().exit_code == 0);
  return run;
}

int count_entries(const fs::path& folder) {
  return static_cast<int>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("offloading changes no bit of weights and optimizer, and leaves no file") {
  struct Case {
    const char *tuner, *dtype, *optim;
  };
  for (const Case& each : {Case{"full", "float32", "adamw"}, Case{"full", "bfloat16", "adamw_8bit"},
                           Case{"full", "bfloat16", "muon"}, Case{"full", "float32", "galore_adamw"},
                           Case{"lora", "bfloat16", "adamw"}}) {
    CAPTURE(each.tuner, each.dtype, each.optim);
    config::Task task;
    task.tuner_type = each.tuner;
    task.torch_dtype = each.dtype;
    task.optim = each.optim;
    task.galore_rank = 8;
    task.galore_update_proj_gap = 2;
    task.lora_dropout = 0.1;
    task.gradient_checkpointing = true;
    const fs::path plain = run_task(task, "swift-offload-plain-");
    const fs::path place = fresh("swift-offload-place-");
    task.offload_activations = task.offload_optimizer = true;
    task.offload_dir = place.string();
    const fs::path offloaded = run_task(task, "swift-offload-run-");
    for (const auto& file : fs::directory_iterator(plain / "checkpoint-4")) {
      if (file.path().extension() != ".safetensors") continue;
      CAPTURE(file.path().filename().string());
      CHECK(bytes_of(file.path()) == bytes_of(offloaded / "checkpoint-4" / file.path().filename()));
    }
    CHECK(count_entries(place) == 0);
  }
}

TEST_CASE("offloaded moments leave memory and come back") {
  const fs::path place = fresh("swift-offload-state-");
  const auto store = train::file_offloaded_state(place);
  const at::Tensor weight = at::ones({1 << 20}).requires_grad_(true);
  config::Task task;
  const auto optimizer = store->build([&] {
    return train::make_optimizer("adamw", {{"w.weight", weight}}, train::optimizer_settings(task));
  });
  CHECK(store->bytes() == int64_t{8} << 20);
  weight.mutable_grad() = at::full_like(weight, 0.5);
  train::step_offloaded(*optimizer, 0.1, store.get());
  store->release();
  for (const auto& [name, tensor] : optimizer->state()) {
    if (name == "exp_avg.w.weight") CHECK(tensor.min().item<float>() == Approx(0.05));
  }
}

TEST_CASE("a place without room or permission for what is offloaded is an error that says so") {
  try {
    train::file_offloaded_state("/nonexistent/place");
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::failure);
    CHECK(error.hint().find("offload_dir") != std::string::npos);
  }
}

TEST_CASE("activations come back in the opposite order, bit by bit") {
  const auto store = model::file_activation_store(fresh("swift-offload-activations-"));
  const at::Tensor one = at::rand({3, 5}), two = at::rand({7}).to(at::kBFloat16);
  const int64_t first = store->put(one), second = store->put(two);
  CHECK_THROWS_AS(store->take(first), base::Error);
  CHECK(at::equal(store->take(second), two));
  CHECK(at::equal(store->take(first), one));
}
