// What each tuner trains, how its checkpoints come back, and what is refused.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"
#include "model/load.h"
#include "train/checkpoint.h"
#include "train/freeze.h"
#include "train/optimizers/table.h"
#include "train/parameters.h"
#include "train/trainer.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden" / name;
}

fs::path fresh(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / (name + "-" + std::to_string(getpid()));
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

std::vector<train::Weight> weights_of(const std::string& model) {
  model::Decoder decoder = model::load_decoder(golden("models") / model, std::nullopt);
  std::vector<train::Weight> weights;
  for (const auto& [name, tensor] : decoder.weights()) weights.push_back({name, tensor.numel()});
  return weights;
}

config::Task small_task() {
  config::Task task;
  task.model = golden("models/qwen3").string();
  task.torch_dtype = "float32";
  task.per_device_train_batch_size = 2;
  task.gradient_accumulation_steps = 1;
  task.learning_rate = 1e-3;
  task.eval_strategy = "no";
  task.max_steps = 4;
  task.save_steps = 2;
  task.lora_dropout = 0.1;
  task.report_to.clear();
  return task;
}

std::vector<data::Sample> samples() {
  std::vector<data::Sample> found;
  for (const auto& row : base::read_json(golden("trajectory/samples.json"))) {
    found.push_back(
        {row.at("input_ids").get<std::vector<int32_t>>(), row.at("labels").get<std::vector<int32_t>>(), {}});
  }
  return found;
}

// Trains to the end, from a checkpoint when one is given, and returns what is trained then.
model::NamedTensors trained(const config::Task& task, const fs::path& run, const fs::path& checkpoint = {}) {
  const auto data = samples();
  std::optional<model::BaseQuantization> base;
  if (task.quant_method) base.emplace();
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt, base);
  model::LoraSettings adapter = train::lora_settings(task);
  if (checkpoint.empty()) {
    model::attach_lora(decoder, adapter, 42);
  } else {
    adapter = model::restore_adapter(decoder, adapter, checkpoint);
    for (model::LinearLayer* linear : decoder.linears()) {
      if (linear->lora) linear->lora->dropout = task.lora_dropout;
    }
    if (decoder.head_lora) decoder.head_lora->dropout = task.lora_dropout;
  }
  train::Trainer trainer(task, decoder, adapter, data, {}, run);
  if (!checkpoint.empty()) trainer.resume(checkpoint);
  REQUIRE(trainer.run().exit_code == 0);
  return model::adapter_tensors(decoder, adapter);
}

void check_resume(config::Task task) {
  const fs::path run = fresh("swift-tuner-resume");
  const auto whole = trained(task, run);
  const auto resumed = trained(task, run, run / "checkpoint-2");
  REQUIRE(whole.size() == resumed.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(whole[i].first);
    CHECK(whole[i].second.equal(resumed[i].second));
  }
  fs::remove_all(run);
}

}  // namespace

TEST_CASE("freezing selects the weights that ms-swift's rules select") {
  const base::Json cases = base::read_json(golden("freeze.json")).at("cases");
  REQUIRE(cases.size() >= 8);
  for (const auto& each : cases) {
    CAPTURE(each.dump());
    config::Task task;
    task.freeze_parameters_ratio = each.value("ratio", 0.0);
    task.freeze_parameters = each.value("freeze", std::vector<std::string>());
    task.trainable_parameters = each.value("trainable", std::vector<std::string>());
    if (each.contains("freeze_regex"))
      task.freeze_parameters_regex = each.at("freeze_regex").get<std::string>();
    if (each.contains("trainable_regex"))
      task.trainable_parameters_regex = each.at("trainable_regex").get<std::string>();
    const auto weights = weights_of(each.at("model").get<std::string>());
    const auto selected = train::trained_weights(weights, task);
    std::vector<std::string> names;
    for (size_t i = 0; i < weights.size(); ++i) {
      if (selected[i]) names.push_back(weights[i].name);
    }
    std::sort(names.begin(), names.end());
    CHECK(names == each.at("trained").get<std::vector<std::string>>());
  }
}

TEST_CASE("freezing that trains nothing or names no weight is refused") {
  const auto weights = weights_of("qwen3");
  config::Task task;
  task.freeze_parameters_ratio = 1;
  CHECK_THROWS_WITH(train::trained_weights(weights, task), Catch::Contains("leave nothing to train"));
  task.freeze_parameters_ratio = 0;
  task.freeze_parameters = {"model.layer"};
  CHECK_NOTHROW(train::trained_weights(weights, task));
  task.freeze_parameters = {"model.embde_tokens"};
  CHECK_THROWS_WITH(train::trained_weights(weights, task),
                    Catch::Contains("did you mean 'model.embed_tokens'"));
  task.freeze_parameters = {"lm_head"};
  CHECK_THROWS_WITH(train::trained_weights(weights, task),
                    Catch::Contains("head of this model is its embedding"));
  task.freeze_parameters.clear();
  task.freeze_parameters_regex = "layers\\.(";
  CHECK_THROWS_WITH(train::trained_weights(weights, task), Catch::Contains("malformed pattern"));
}

TEST_CASE("LoRA+ raises the rate of B and vectors, LoRA-FA leaves A out, biases do not decay") {
  config::Task task = small_task();
  task.model = golden("models/qwen2").string();
  task.use_dora = true;
  task.lora_bias = "all";
  task.lorap_lr_ratio = 16;
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
  const model::LoraSettings adapter = train::lora_settings(task);
  model::attach_lora(decoder, adapter, 0);
  for (const auto& parameter : train::make_trainable(decoder, &adapter, task)) {
    CAPTURE(parameter.name);
    CHECK(parameter.lr_scale == (parameter.name.ends_with(".lora_A.weight") ? 1.0 : 16.0));
    CHECK(parameter.decay == !parameter.name.ends_with(".bias"));
  }
  task.lorap_lr_ratio.reset();
  task.use_lora_fa = true;
  model::Decoder other = model::load_decoder(task.model, std::nullopt);
  model::attach_lora(other, adapter, 0);
  for (const auto& parameter : train::make_trainable(other, &adapter, task))
    CHECK_FALSE(parameter.name.ends_with(".lora_A.weight"));
  CHECK_FALSE(other.blocks[0].q.lora->a.requires_grad());
}

TEST_CASE("every tuner resumes with the same bits") {
  config::Task task = small_task();
  SECTION("DoRA") {
    task.use_dora = true;
  }
  SECTION("PiSSA") {
    task.init_weights = "pissa";
  }
  SECTION("PiSSA with iterations, rsLoRA and DoRA") {
    task.init_weights = "pissa_niter_4";
    task.use_rslora = task.use_dora = true;
  }
  SECTION("LoRA+ with saved embeddings") {
    task.lorap_lr_ratio = 4;
    task.modules_to_save = {"embed_tokens"};
  }
  SECTION("QLoRA") {
    task.quant_method = "bnb";
    task.quant_bits = 4;
  }
  SECTION("QLoRA with DoRA, without checkpointing") {
    task.quant_method = "bnb";
    task.quant_bits = 4;
    task.use_dora = true;
    task.gradient_checkpointing = false;
  }
  SECTION("embeddings and a tied head as targets") {
    task.target_modules = {"q_proj", "all-embedding", "lm_head"};
  }
  SECTION("LoRA-FA") {
    task.use_lora_fa = true;
  }
  check_resume(task);
}

TEST_CASE("an adapter with values that are not finite leaves no checkpoint") {
  const fs::path run = fresh("swift-tuner-finite");
  const config::Task task = small_task();
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
  const model::LoraSettings adapter = train::lora_settings(task);
  model::attach_lora(decoder, adapter, 0);
  decoder.blocks[1].up.lora->b[0][0] = NAN;
  const auto optimizer = train::make_optimizer("adamw_torch", train::make_trainable(decoder, &adapter, task),
                                               train::optimizer_settings(task));
  try {
    train::save_checkpoint(run, task, decoder, &adapter, *optimizer, {});
    FAIL("nothing was thrown");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::failure);
    CHECK(error.message().find("layers.1.mlp.up_proj.lora_B.weight' has values that are not finite") !=
          std::string::npos);
  }
  CHECK(fs::is_empty(run));
  for (model::LinearLayer* linear : decoder.linears()) linear->lora.reset();
  CHECK_THROWS_WITH(model::save_adapter(decoder, adapter, "base", run), Catch::Contains("0 tensors"));
  fs::remove_all(run);
}
