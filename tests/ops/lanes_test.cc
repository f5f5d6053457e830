// Loads, stores and exp on vector lanes agree with the scalar types and with double precision.
#include "ops/lanes.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <vector>

using namespace swift::ops;

namespace {

std::vector<float> awkward() {
  std::vector<float> values = {0.0F,
                               -0.0F,
                               1.0F,
                               -1.0F,
                               1e-40F,
                               65504.0F,
                               3.4e38F,
                               -3.4e38F,
                               INFINITY,
                               -INFINITY,
                               std::numeric_limits<float>::quiet_NaN()};
  // Halfway cases of bf16 and their neighbours.
  for (uint32_t bits = 0x3F800000U; bits < 0x3F840000U; bits += 0x4001U)
    values.push_back(__builtin_bit_cast(float, bits));
  for (uint32_t bits = 0x3F808000U; bits < 0x3F8F8000U; bits += 0x8000U)
    values.push_back(__builtin_bit_cast(float, bits));
  return values;
}

}  // namespace

TEST_CASE("lanes are rounded to bf16 and fp16 as the scalar types are") {
  const std::vector<float> values = awkward();
  for (size_t i = 0; i < values.size(); ++i) {
    CAPTURE(values[i]);
    const Floats lanes = splat(values[i]);
    c10::BFloat16 brain[kLanes];
    c10::Half half[kLanes];
    store(brain, lanes);
    store(half, lanes);
    const c10::BFloat16 expected(values[i]);
    const c10::Half expected_half(values[i]);
    if (std::isnan(values[i])) {
      CHECK(std::isnan(static_cast<float>(brain[3])));
      CHECK(std::isnan(static_cast<float>(half[3])));
    } else {
      CHECK(brain[3].x == expected.x);
      CHECK(half[3].x == expected_half.x);
      CHECK(rounded<c10::BFloat16>(lanes)[5] == static_cast<float>(expected));
    }
  }
}

TEST_CASE("what is left of a row is read and written without touching its neighbours") {
  std::vector<c10::BFloat16> row(11, c10::BFloat16(2.0F));
  for_lanes(0, 10, [&](int64_t i, int64_t n) {
    const Floats lanes = swift::ops::load(row.data() + i, n);
    if (n < kLanes) CHECK(lanes[n] == 0.0F);
    store(row.data() + i, lanes * 3.0F, n);
  });
  CHECK(static_cast<float>(row[9]) == 6.0F);
  CHECK(static_cast<float>(row[10]) == 2.0F);
}

TEST_CASE("exp of lanes is within 3e-7 of exp, and clamped where fp32 would leave its range") {
  for (double x = -86.9; x < 86.9; x += 0.0173) {
    const auto input = static_cast<float>(x);
    const double expected = std::exp(static_cast<double>(input));
    CHECK(std::abs(exp_lanes(splat(input))[2] - expected) <= 3e-7 * expected);
  }
  CHECK(exp_lanes(splat(-1e30F))[0] == exp_lanes(splat(-87.0F))[0]);
  CHECK(exp_lanes(splat(INFINITY))[0] == exp_lanes(splat(87.0F))[0]);
  CHECK(std::isnan(exp_lanes(splat(std::numeric_limits<float>::quiet_NaN()))[0]));
}
