// The memory plan: sums that are exact by construction, and what happens when it does not fit.
#include "train/plan/plan.h"

#include <catch2/catch.hpp>

#include "model/families.h"
#include "model/load.h"
#include "train/optimizers/table.h"
#include "train/parameters.h"
#include "train/plan/preflight.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden/models" / name;
}

config::Task task_of(const std::string& tuner, const std::string& optim) {
  config::Task task;
  task.model = golden("qwen3").string();
  task.tuner_type = tuner;
  task.optim = optim;
  task.max_length = 32;
  task.per_device_train_batch_size = 2;
  task.gradient_accumulation_steps = 1;
  task.galore_rank = 8;
  if (optim == "q_galore") task.galore_quantization = task.galore_proj_quant = true;
  return task;
}

train::Plan plan_of(const config::Task& task) {
  const auto spec = model::read_spec(model::HfConfig::read(task.model));
  return train::plan_of(task, train::assumed_batch(task, spec), 0);
}

int64_t bytes_of(const train::Plan& plan, const std::string& name) {
  for (const train::PlanItem& item : plan.items()) {
    if (item.name == name) return item.bytes;
  }
  return -1;
}

// What a real optimizer of the task holds.
int64_t state_bytes(const config::Task& task) {
  model::Decoder decoder = model::load_decoder(task.model, model::parse_dtype(task.torch_dtype));
  std::optional<model::LoraSettings> adapter;
  if (task.tuner_type == "lora") {
    adapter = train::lora_settings(task);
    model::attach_lora(decoder, *adapter, 1);
  }
  const auto optimizer =
      train::make_optimizer(task.optim, train::make_trainable(decoder, adapter ? &*adapter : nullptr, task),
                            train::optimizer_settings(task));
  int64_t bytes = 0;
  for (const auto& [name, tensor] : optimizer->state())
    bytes += tensor.numel() * static_cast<int64_t>(tensor.element_size());
  return bytes;
}

}  // namespace

TEST_CASE("the plan's optimizer bytes are those of the optimizer, for every one and both types") {
  for (const auto& row : train::optimizer_table()) {
    for (const char* dtype : {"float32", "bfloat16"}) {
      CAPTURE(row.name, dtype);
      config::Task task = task_of("full", std::string(row.name));
      task.torch_dtype = dtype;
      const double real = static_cast<double>(state_bytes(task));
      CHECK(static_cast<double>(bytes_of(plan_of(task), "optimizer")) == Approx(real).epsilon(0.001));
    }
  }
}

TEST_CASE("adapters of every kind are counted, and only they are trained") {
  for (const std::string variant : {"lora", "dora", "modules_to_save", "lora_fa"}) {
    CAPTURE(variant);
    config::Task task = task_of("lora", "adamw");
    task.use_dora = variant == "dora";
    task.use_lora_fa = variant == "lora_fa";
    if (variant == "modules_to_save") task.modules_to_save = {"lm_head"};
    model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
    const auto settings = train::lora_settings(task);
    model::attach_lora(decoder, settings, 1);
    const train::Plan plan = plan_of(task);
    CHECK(plan.trained == train::count_trained(decoder, &settings, task));
    CHECK(bytes_of(plan, "adapter") == plan.trained * 4);
    CHECK(bytes_of(plan, "optimizer") == state_bytes(task));
  }
}

TEST_CASE("checkpointing, smaller types and experts change the plan as they change a run") {
  config::Task task = task_of("full", "adamw");
  task.max_length = 256;
  const train::Plan with = plan_of(task);
  task.gradient_checkpointing = false;
  const train::Plan without = plan_of(task);
  CHECK(bytes_of(without, "activations") > bytes_of(with, "activations"));
  task.torch_dtype = "bfloat16";
  CHECK(bytes_of(plan_of(task), "weights") * 2 == bytes_of(without, "weights"));
  task.model = golden("qwen3_moe").string();
  const model::Decoder experts = model::load_decoder(task.model, std::nullopt);
  int64_t weights = 0;
  for (const auto& [name, tensor] : experts.weights()) weights += tensor.numel();
  CHECK(plan_of(task).parameters == weights);
}

TEST_CASE("the largest batch is the one that the run sees") {
  const auto spec = model::read_spec(model::HfConfig::read(golden("qwen3")));
  config::Task task = task_of("full", "adamw");
  task.dataset_shuffle = false;
  task.num_train_epochs = 1;
  std::vector<data::Sample> samples(4);
  for (size_t i = 0; i < samples.size(); ++i) {
    samples[i].input_ids.assign(10 + 5 * i, 3);
    samples[i].labels = samples[i].input_ids;
  }
  const train::BatchShape shape = train::largest_batch(task, spec, samples);
  CHECK(shape.tokens == 20 + 25);
  CHECK(shape.longest == 25);
  CHECK(shape.trained == 19 + 24);
}

TEST_CASE("a plan above the limit warns, and one far above is refused with what to change") {
  const config::Task task = task_of("full", "adamw");
  const train::Plan plan = plan_of(task);
  const int64_t peak = plan.peak();
  CHECK(train::check_fit(plan, task, {peak, "available memory"}).empty());
  CHECK(train::check_fit(plan, task, {0, ""}).empty());
  CHECK(train::check_fit(plan, task, {peak - peak / 10, "available memory"}).find("may be killed") !=
        std::string::npos);
  try {
    train::check_fit(plan, task, {peak / 2, "the control group's limit"});
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::device);
    CHECK(error.message().find("the control group's limit") != std::string::npos);
    CHECK(error.hint().find("per_device_train_batch_size") != std::string::npos);
    CHECK(error.hint().find("tuner_type: lora") != std::string::npos);
  }
}

TEST_CASE("the plan counts packed linears as they lie in memory") {
  for (const std::string name : {"qwen3_awq", "qwen3_gptq"}) {
    CAPTURE(name);
    config::Task task = task_of("lora", "adamw");
    task.model = golden(name).string();
    model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
    int64_t held = 0;
    for (const auto& [weight, tensor] : decoder.weights())
      held += tensor.numel() * static_cast<int64_t>(tensor.element_size());
    for (const model::LinearLayer* linear : decoder.linears()) {
      if (!linear->quantized) continue;
      held += linear->quantized->bytes();
      held -= linear->weight.numel() * static_cast<int64_t>(linear->weight.element_size());
    }
    const train::Plan plan = plan_of(task);
    CHECK(bytes_of(plan, "weights") == held);
    CHECK(plan.items().at(1).note.find("packed") != std::string::npos);
  }
}
