#include "config/device.h"

#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

namespace {

void check_refused(const std::string& settings, const std::string& text) {
  CAPTURE(settings);
  Loaded loaded = given("model: m\n" + settings);
  try {
    resolve(loaded.task, "infer");
    FAIL_CHECK("no error");
  } catch (const swift::base::Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    CHECK(contains(error.what(), text));
    CHECK(error.where().line == 2);
  }
}

}  // namespace

TEST_CASE("a device is auto, cpu, or a CUDA device by its number") {
  using Kind = DeviceChoice::Kind;
  const auto choice = [](const std::string& text) { return device_choice(given(text).task); };
  CHECK(choice("model: m\n").kind == Kind::automatic);
  CHECK(choice("device: cpu\ncpu_act: int8\n").kind == Kind::cpu);
  CHECK(choice("device: cuda\n").kind == Kind::cuda);
  CHECK(choice("device: cuda\n").index == 0);
  CHECK(choice("device: cuda:3\n").index == 3);
  CHECK(choice("cpu_act: int8\n").kind == Kind::automatic);
  for (const char* wrong : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:1 ", "cuda:999"})
    check_refused("device: '" + std::string(wrong) + "'\n", "'" + std::string(wrong) + "' is no device");
}

TEST_CASE("settings of the CPU beside a CUDA device are refused, both named") {
  check_refused("device: cuda\ncpu_act: int8\n", "device: cuda and cpu_act: int8");
  check_refused("device: cuda:0\nlm_head_dtype: int8\n", "device: cuda:0 and lm_head_dtype: int8");
  check_refused("device: cuda\nlayout_cache: true\n", "layout_cache: true");
  Loaded training = given("model: m\ndataset: d\noffload_optimizer: true\ndevice: cuda\n");
  CHECK_THROWS_AS(resolve(training.task, "train"), swift::base::Error);
}
