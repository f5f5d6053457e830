// What every optimizer must do: state that continues bit by bit, fp32 masters, clipping, names.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "base/error.h"
#include "ops/dynamic_map.h"
#include "optimizer_cases.h"

using namespace swift;
using namespace swift::tests;
namespace fs = std::filesystem;

namespace {

void take_steps(train::Optimizer& optimizer, int64_t from, int64_t to) {
  for (int64_t step = from; step < to; ++step) {
    set_gradients(optimizer, step);
    optimizer.clip(1.0);
    optimizer.step(0.01);
    optimizer.zero_grad();
  }
}

train::OptimizerSettings settings_for(std::string_view optim) {
  train::OptimizerSettings settings = small_settings();
  if (optim == "sgd") settings.args.momentum = 0.9;
  return settings;
}

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  return a.scalar_type() == b.scalar_type() && a.sizes() == b.sizes() && a.equal(b);
}

std::unique_ptr<train::Optimizer> make(std::string_view optim, at::ScalarType type) {
  return train::make_optimizer(optim, make_parameters(small_shapes(), type), settings_for(optim));
}

// Values and state of `optimizer` into a fresh one, by way of a file, as a checkpoint does.
std::unique_ptr<train::Optimizer> reloaded(const train::Optimizer& optimizer, std::string_view optim) {
  const fs::path file = fs::temp_directory_path() / ("swift-optimizer-" + std::to_string(getpid()));
  model::save_safetensors(file, optimizer.state());
  train::Parameters parameters;
  for (const train::Parameter& parameter : optimizer.parameters()) {
    parameters.push_back(
        {parameter.name, parameter.value.detach().clone().requires_grad_(true), parameter.decay, 1});
  }
  auto copy = train::make_optimizer(optim, std::move(parameters), settings_for(optim));
  copy->load_state(model::TensorFiles::from_file(file));
  fs::remove(file);
  return copy;
}

}  // namespace

TEST_CASE("an optimizer resumed from its state gives the same bytes as one that ran through") {
  for (const train::OptimizerRow& row : train::optimizer_table()) {
    for (const at::ScalarType type : {at::kFloat, at::kBFloat16}) {
      // 5 lies within a projection, 8 at its end.
      for (const int64_t stop : {5, 8}) {
        CAPTURE(std::string(row.name), type, stop);
        const auto whole = make(row.name, type), part = make(row.name, type);
        take_steps(*whole, 0, 12);
        take_steps(*part, 0, stop);
        const auto resumed = reloaded(*part, row.name);
        take_steps(*resumed, stop, 12);
        for (size_t i = 0; i < whole->parameters().size(); ++i)
          CHECK(same_bytes(whole->parameters()[i].value, resumed->parameters()[i].value));
        const auto expected = whole->state(), state = resumed->state();
        REQUIRE(expected.size() == state.size());
        for (size_t i = 0; i < state.size(); ++i) {
          CAPTURE(state[i].first);
          CHECK(expected[i].first == state[i].first);
          CHECK(same_bytes(expected[i].second, state[i].second));
        }
      }
    }
  }
}

TEST_CASE("a bf16 parameter keeps its fp32 master, and updates below its resolution add up") {
  for (const train::OptimizerRow& row : train::optimizer_table()) {
    CAPTURE(std::string(row.name));
    const auto wide = make(row.name, at::kFloat), narrow = make(row.name, at::kBFloat16);
    const auto state = narrow->state();
    const bool int8 = row.name == "q_galore";
    for (const auto& parameter : narrow->parameters()) {
      const bool has = std::any_of(state.begin(), state.end(),
                                   [&](const auto& one) { return one.first == "master." + parameter.name; });
      const bool projected = parameter.name.ends_with("_proj.weight");
      CHECK(has == !(int8 && projected));
    }
    for (const auto& parameter : narrow->parameters()) parameter.value.detach().fill_(1.0);
  }
  // 100 updates of 1e-4 each: bf16 alone would stay at 1.
  const auto parameters = [] {
    return train::Parameters{{"w", at::ones({4, 4}, at::kBFloat16).requires_grad_(true), false, 1}};
  };
  for (const char* name : {"adamw", "adamw_8bit", "lion", "adafactor", "sgd"}) {
    CAPTURE(name);
    const auto optimizer = train::make_optimizer(name, parameters(), train::OptimizerSettings{});
    for (int i = 0; i < 100; ++i) {
      optimizer->parameters()[0].value.mutable_grad() = at::ones({4, 4}, at::kBFloat16);
      optimizer->step(1e-4);
    }
    CHECK(optimizer->parameters()[0].value.detach().mean().item<double>() == Approx(0.99).margin(0.004));
  }
}

TEST_CASE("8-bit states take a quarter of the memory of fp32 states") {
  const auto bytes = [](const train::Optimizer& optimizer) {
    size_t sum = 0;
    for (const auto& [name, tensor] : optimizer.state()) sum += tensor.nbytes();
    return static_cast<double>(sum);
  };
  const std::vector<Shape> shapes = {{"up_proj.weight", {512, 512}, true}};
  const auto wide = train::make_optimizer("adamw", make_parameters(shapes), small_settings());
  const auto narrow = train::make_optimizer("adamw_8bit", make_parameters(shapes), small_settings());
  CHECK(bytes(*narrow) / bytes(*wide) < 0.26);
  const auto galore = train::make_optimizer("galore_adamw", make_parameters(shapes), small_settings());
  CHECK(bytes(*galore) / bytes(*wide) < 0.02);  // rank 4 of 512: two moments and the projection
}

TEST_CASE("the learning-rate scale of a parameter multiplies its update") {
  for (const train::OptimizerRow& row : train::optimizer_table()) {
    if (row.name == "q_galore") continue;  // rounds
    CAPTURE(std::string(row.name));
    auto settings = settings_for(row.name);
    settings.weight_decay = 0;
    train::Parameters parameters = make_parameters({{"a_proj.weight", {24, 16}, true}});
    parameters.push_back(
        {"b_proj.weight", parameters[0].value.detach().clone().requires_grad_(true), true, 4});
    const at::Tensor start = parameters[0].value.detach().clone();
    const auto optimizer = train::make_optimizer(row.name, parameters, settings);
    for (const auto& parameter : optimizer->parameters()) parameter.value.mutable_grad() = noise({24, 16}, 9);
    optimizer->step(0.01);
    const at::Tensor one = parameters[0].value.detach() - start, four = parameters[1].value.detach() - start;
    CHECK(at::allclose(one * 4, four, 1e-3, 1e-6));
    CHECK(one.abs().max().item<double>() > 0);
  }
}

TEST_CASE("clipping scales gradients to the norm and reports the norm before") {
  const auto optimizer = make("sgd", at::kFloat);
  set_gradients(*optimizer, 0);
  const double norm = optimizer->clip(0).item<double>();
  CHECK(optimizer->clip(norm / 2).item<double>() == Approx(norm));
  CHECK(optimizer->clip(0).item<double>() == Approx(norm / 2).epsilon(1e-5));
}

TEST_CASE("a state of another run is refused") {
  const auto adamw = make("adamw", at::kFloat), muon = make("muon", at::kFloat);
  const fs::path file = fs::temp_directory_path() / ("swift-optimizer-other-" + std::to_string(getpid()));
  model::save_safetensors(file, muon->state());
  CHECK_THROWS_AS(adamw->load_state(model::TensorFiles::from_file(file)), base::Error);
  // Same names, other types: 8-bit codes are not moments.
  const std::vector<Shape> shapes = {{"up_proj.weight", {72, 60}, true}};
  const auto wide = train::make_optimizer("adamw", make_parameters(shapes), small_settings());
  const auto narrow = train::make_optimizer("adamw_8bit", make_parameters(shapes), small_settings());
  model::save_safetensors(file, narrow->state());
  CHECK_THROWS_WITH(wide->load_state(model::TensorFiles::from_file(file)),
                    Catch::Contains("another shape or type"));
  fs::remove(file);
}

TEST_CASE("every name of the settings has an optimizer, and every optimizer a name") {
  std::set<std::string_view> canonical;
  for (const std::string_view name : config::optim_names()) canonical.insert(config::canonical_optim(name));
  std::set<std::string_view> made;
  for (const train::OptimizerRow& row : train::optimizer_table()) made.insert(row.name);
  CHECK(canonical == made);
  CHECK_THROWS_WITH(train::make_optimizer("adam", {}, {}), Catch::Contains("adamw_8bit"));
}

TEST_CASE("every number gets the nearest 8-bit code, and no second moment above zero gets zero") {
  for (const bool has_sign : {true, false}) {
    const ops::DynamicMap map(has_sign);
    size_t wrong = 0;
    for (int i = 0; i < 20000; ++i) {
      const float size = std::pow(10.0F, -8.0F * static_cast<float>(i / 2) / 10000.0F);
      const float x = has_sign && i % 2 == 1 ? -size : size;
      float least = 10;
      for (int code = has_sign ? 0 : 1; code < 256; ++code)
        least = std::min(least, std::abs(map.value(static_cast<uint8_t>(code)) - x));
      if (std::abs(map.value(map.nearest(x)) - x) > least * 1.0001F) ++wrong;
    }
    CHECK(wrong == 0);
    CHECK(map.value(map.nearest(0)) == 0);
    CHECK(map.value(map.nearest(1)) == 1);
  }
  CHECK(ops::DynamicMap(false).nearest(1e-30F) == 1);
}
