// Settings of the data path that are refused together.
#include <catch2/catch.hpp>

#include "config/loss_scale.h"
#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

namespace {

std::string refusal(const std::string& yaml) {
  Task task = given(yaml).task;
  try {
    resolve(task, "train");
    return "";
  } catch (const swift::base::Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    return error.what();
  }
}

}  // namespace

TEST_CASE("loss_scale is a base and parts, and an unknown name gets the nearest") {
  const LossScale scale = parse_loss_scale("last_round+hermes+ignore_empty_think");
  CHECK(scale.base == "last_round");
  CHECK(scale.parts == std::vector<std::string>{"hermes", "ignore_empty_think"});
  CHECK(parse_loss_scale("react").base == "default");
  CHECK_THAT(refusal("loss_scale: last_round+hermse\n"), Catch::Contains("task.yaml:1") &&
                                                             Catch::Contains("'hermse'") &&
                                                             Catch::Contains("did you mean 'hermes'"));
  CHECK_THAT(refusal("loss_scale: default+\n"), Catch::Contains("a name is missing"));
  CHECK_THAT(refusal("loss_scale: all+last_round\n"), Catch::Contains("'all' and 'last_round'"));
}

TEST_CASE("streaming names what it cannot go with") {
  const std::string streaming = "streaming: true\nmax_steps: 5\n";
  CHECK(refusal(streaming) == "");
  CHECK_THAT(refusal("streaming: true\n"), Catch::Contains("streaming needs max_steps"));
  for (const char* other : {"split_dataset_ratio: 0.1", "group_by_length: true", "load_from_cache_file: true",
                            "save_strategy: epoch"}) {
    const std::string key = std::string(other).substr(0, std::string(other).find(':'));
    CHECK_THAT(refusal(streaming + other + "\n"),
               Catch::Contains("streaming: true exclude each other") && Catch::Contains(key));
  }
  CHECK_THAT(refusal("group_by_length: true\npacking: true\n"),
             Catch::Contains("group_by_length: true and packing: true exclude each other"));
}

TEST_CASE("the cache lies in the user's cache directory") {
  Task task = given("load_from_cache_file: true\ncache_dir: here\n").task;
  resolve(task, "train");
  CHECK(task.cache_dir == "here");
  setenv("XDG_CACHE_HOME", "/somewhere", 1);
  task = given("load_from_cache_file: true\n").task;
  resolve(task, "train");
  CHECK(task.cache_dir == "/somewhere/swift");
  setenv("XDG_CACHE_HOME", "relative is ignored", 1);
  setenv("HOME", "/me", 1);
  task = given("load_from_cache_file: true\n").task;
  resolve(task, "train");
  CHECK(task.cache_dir == "/me/.cache/swift");
  unsetenv("XDG_CACHE_HOME");
}
