// The rows of bench/gpu.sh for whole models, of a tiny one over the execution layer.
#include <catch2/catch.hpp>
#include <cmath>

#include "device/host_device.h"
#include "models.h"

namespace swift::gpu_bench {

constexpr ModelSize kTiny = {"tiny", 128, 2, 128, 2, 1, 64, 512, false};

TEST_CASE("a row of decoding counts the tokens of all sequences") {
  for (const bool int4 : {false, true}) {
    const Row row = measure_decode({kTiny, int4, 3, 6, 9, 1e9}, tests::host_device());
    REQUIRE(row.seconds);
    CHECK(std::isfinite(*row.seconds));
    CHECK(*row.seconds > 0);
    CHECK(row.tokens == 3);
    CHECK(row.what == (int4 ? "tiny W4, 3 sequences, 6 + 9 tokens" : "tiny bf16, 3 sequences, 6 + 9 tokens"));
    CHECK(row.bytes > 0);
    CHECK(reached(row.targets.at(0), row, {}) == false);
  }
}

TEST_CASE("a row of training is an optimizer step") {
  const Row row = measure_training({kTiny, 64, 1, 2, 4, 1e9}, tests::host_device());
  REQUIRE(row.seconds);
  CHECK(*row.seconds > 0);
  CHECK(row.tokens == 128);
  // 2 layers of 128 x (2 x 128 + 2 x 64 + 3 x 128) and the head, 4 each for a token.
  CHECK(row.flops == 4.0 * (2 * 128 * (256 + 128 + 384) + 128 * 512) * 128);
}

}  // namespace swift::gpu_bench
