// Ten steps of every optimizer on fixed gradients against torch, transformers, bitsandbytes and galore_torch
// (tests/golden/optimizers.py).
#include <catch2/catch.hpp>

#include "base/json.h"
#include "optimizer_cases.h"

using namespace swift;
using namespace swift::tests;

namespace {

base::Json golden_optimizers() {
  return base::read_json(std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden/optimizers.json");
}

train::OptimizerSettings settings_of(const base::Json& golden, const base::Json& one) {
  config::Task task;
  task.optim = one.at("optim").get<std::string>();
  task.optim_args = one.at("optim_args").get<std::string>();
  task.weight_decay = golden.at("weight_decay");
  task.adam_beta1 = golden.at("beta1");
  task.adam_beta2 = golden.at("beta2");
  task.adam_epsilon = golden.at("epsilon");
  task.galore_rank = golden.at("galore_rank");
  task.galore_update_proj_gap = golden.at("galore_update_proj_gap");
  task.galore_scale = golden.at("galore_scale");
  task.galore_proj_type = one.at("galore_proj_type").get<std::string>();
  if (task.optim == "q_galore") {
    task.galore_proj_quant = true;
    task.galore_proj_group_size = 16;
    task.galore_update_proj_gap = 2;
    task.galore_queue_size = 2;
  }
  return train::optimizer_settings(task);
}

std::vector<Shape> shapes_of(const base::Json& golden) {
  std::vector<Shape> shapes;
  for (const auto& tensor : golden.at("tensors"))
    shapes.push_back({tensor.at("name"), tensor.at("sizes").get<std::vector<int64_t>>(), tensor.at("decay")});
  return shapes;
}

// Largest difference of every 29th value.
double difference(const at::Tensor& value, const base::Json& expected) {
  const at::Tensor flat = value.detach().flatten();
  double largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(
        largest, std::abs(flat[static_cast<int64_t>(29 * i)].item<double>() - expected[i].get<double>()));
  }
  return largest;
}

// The weights move by about 0.1 in ten steps, and their scale is 0.5.
double tolerance(const std::string& name) {
  // Newton-Schulz runs in bf16, whose products may be summed in another order: 2^-8 of a step of 0.01 or so.
  if (name.starts_with("muon")) return 2e-4;
  // Its CPU kernel rounds states by a coarse table, ours to the nearest code.
  if (name == "adamw_8bit bitsandbytes") return 1e-2;
  return 2e-6;
}

}  // namespace

TEST_CASE("ten steps of every optimizer agree with its original") {
  const base::Json golden = golden_optimizers();
  for (const auto& [name, one] : golden.at("cases").items()) {
    CAPTURE(name);
    const std::string optim = one.at("optim");
    const auto optimizer =
        train::make_optimizer(optim, make_parameters(shapes_of(golden)), settings_of(golden, one));
    for (int64_t step = 0; step < golden.at("steps").get<int64_t>(); ++step) {
      set_gradients(*optimizer, step);
      optimizer->step(golden.at("learning_rate"));
      optimizer->zero_grad();
    }
    for (const train::Parameter& parameter : optimizer->parameters()) {
      CAPTURE(parameter.name);
      const double largest = difference(parameter.value, one.at("weights").at(parameter.name));
      CHECK(largest <= tolerance(name));
    }
  }
}
