#include "train/base_fingerprint.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "model/safetensors.h"

using namespace swift;
namespace fs = std::filesystem;

namespace {

fs::path model_with(const at::Tensor& weight, const std::string& config = R"({"hidden_size": 8})") {
  const fs::path folder = fs::temp_directory_path() / ("swift-fingerprint-" + std::to_string(getpid()));
  fs::remove_all(folder);
  fs::create_directories(folder);
  std::ofstream(folder / "config.json") << config;
  if (weight.defined()) model::save_safetensors(folder / "model.safetensors", {{"w", weight}});
  return folder;
}

}  // namespace

TEST_CASE("the fingerprint of a model follows shapes and values, and not its place") {
  const at::Tensor weight = at::arange(200'000, at::kFloat).view({400, 500});
  const std::string one = train::base_fingerprint(model_with(weight));
  CHECK(train::base_fingerprint(model_with(weight.clone())) == one);
  CHECK(train::base_fingerprint(model_with(weight + 1)) != one);
  CHECK(train::base_fingerprint(model_with(weight.view({500, 400}))) != one);
  CHECK(train::base_fingerprint(model_with(weight.to(at::kBFloat16))) != one);
}

TEST_CASE("the fingerprint of a model without weights follows its sizes") {
  const std::string one = train::base_fingerprint(model_with({}));
  CHECK(train::base_fingerprint(model_with({}, R"({"hidden_size": 16})")) != one);
  CHECK(train::base_fingerprint(model_with({}, R"({"hidden_size": 8, "dtype": "float32"})")) == one);
  CHECK(train::base_fingerprint("/nonexistent").empty());
}

TEST_CASE("the fingerprint of a truncated weight file is taken without reading past it") {
  const fs::path folder = model_with(at::ones({4}));
  fs::resize_file(folder / "model.safetensors", 5);
  CHECK_FALSE(train::base_fingerprint(folder).empty());
  fs::resize_file(folder / "model.safetensors", 0);
  CHECK_FALSE(train::base_fingerprint(folder).empty());
}
