// Q-GaLore's weights: stored in INT8 alone, in training, in checkpoints and back.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/json.h"
#include "model/load.h"
#include "train/parameters.h"
#include "train/trainer.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

fs::path golden(const std::string& name) {
  return fs::path(SWIFT_SOURCE_DIR) / "tests/golden" / name;
}

config::Task q_galore(const std::string& model) {
  config::Task task;
  task.model = golden("models/" + model).string();
  task.tuner_type = "full";
  task.optim = "q_galore";
  task.use_galore = task.galore_quantization = task.galore_proj_quant = true;
  task.galore_rank = 8;
  task.galore_update_proj_gap = 5;
  task.torch_dtype = "auto";
  task.gradient_accumulation_steps = 2;
  task.per_device_train_batch_size = 2;
  task.learning_rate = 3e-3;
  task.max_steps = 10;
  task.logging_steps = 1;
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

// Bytes of memory behind the linears of the blocks.
int64_t linear_bytes(model::Decoder& decoder) {
  int64_t bytes = 0;
  for (const model::LinearLayer* linear : decoder.linears()) {
    bytes += static_cast<int64_t>(linear->weight.storage().nbytes());
    if (linear->quantized) bytes += linear->quantized->bytes();
  }
  return bytes;
}

}  // namespace

TEST_CASE("projected weights are held in INT8 alone, with a scale for each group") {
  config::Task task = q_galore("qwen3");
  model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
  int64_t elements = 0;
  for (const model::LinearLayer* linear : decoder.linears()) elements += linear->weight.numel();
  std::vector<at::Tensor> before;
  for (const model::LinearLayer* linear : decoder.linears()) before.push_back(linear->weight.clone());
  const auto parameters = train::make_trainable(decoder, nullptr, task);
  CHECK(linear_bytes(decoder) < elements + elements / 32);
  size_t stored = 0;
  for (const auto& parameter : parameters) stored += parameter.stored ? 1 : 0;
  CHECK(stored == decoder.linears().size());
  for (size_t i = 0; i < before.size(); ++i) {
    const at::Tensor error = (decoder.linears()[i]->full_weight() - before[i]).abs();
    CHECK(error.max().item<double>() <= before[i].abs().max().item<double>() / 127);
  }
}

TEST_CASE("training on INT8 weights learns, and its checkpoint is a plain model with the stored values") {
  for (const char* model : {"qwen3", "qwen3_bf16"}) {
    for (const bool per_parameter : {false, true}) {
      CAPTURE(model, per_parameter);
      config::Task task = q_galore(model);
      task.galore_optim_per_parameter = per_parameter;
      if (per_parameter) task.gradient_accumulation_steps = 1;
      const fs::path run = fs::temp_directory_path() / ("swift-int8-" + std::to_string(getpid()));
      fs::remove_all(run), fs::create_directories(run);
      const auto data = samples();
      model::Decoder decoder = model::load_decoder(task.model, std::nullopt);
      train::Trainer trainer(task, decoder, std::nullopt, data, {}, run);
      const auto result = trainer.run();
      REQUIRE(result.exit_code == 0);
      std::ifstream in(run / "logging.jsonl");
      std::string first, line, last;
      std::getline(in, first);
      for (int i = 1; i < 10 && std::getline(in, line); ++i) last = line;
      CHECK(base::Json::parse(last).at("loss").get<double>() <
            base::Json::parse(first).at("loss").get<double>() - 0.3);
      const model::Decoder saved = model::load_decoder(result.last_checkpoint, std::nullopt);
      const auto type = saved.dtype();
      for (size_t i = 0; i < decoder.blocks.size(); ++i) {
        CHECK(decoder.blocks[i].q.quantized);
        CHECK(saved.blocks[i].q.weight.equal(decoder.blocks[i].q.full_weight().to(type)));
        CHECK(saved.blocks[i].down.weight.equal(decoder.blocks[i].down.full_weight().to(type)));
      }
      const auto state = model::TensorFiles::from_file(result.last_checkpoint / "optimizer.safetensors");
      CHECK(state.get("weight_int8.model.layers.0.self_attn.q_proj.weight").scalar_type() == at::kChar);
      CHECK_FALSE(state.has("master.model.layers.0.self_attn.q_proj.weight"));
      fs::remove_all(run);
    }
  }
}
