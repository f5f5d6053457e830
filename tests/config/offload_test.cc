#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

TEST_CASE("offloading activations needs checkpointing, and the refusal names both") {
  Loaded loaded = given("model: m\ndataset: d\noffload_activations: true\ngradient_checkpointing: false\n");
  try {
    resolve(loaded.task, "train");
    FAIL("no error");
  } catch (const swift::base::Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    CHECK(contains(error.what(), "offload_activations: true and gradient_checkpointing: false"));
    CHECK(error.where().line == 3);
  }
  Loaded fine = given("model: m\ndataset: d\noffload_activations: true\noffload_optimizer: true\n");
  CHECK_NOTHROW(resolve(fine.task, "train"));
}
