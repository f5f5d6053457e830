// Values to feed kernels with, and how near a result must be to its plain twin in double.
#pragma once
#include <catch2/catch.hpp>
#include <cmath>
#include <random>
#include <vector>

#include "cuda/buffer.h"

namespace swift::cuda_test {

inline constexpr Type kTypes[] = {Type::float32, Type::float16, Type::bfloat16};

// Normal values, already rounded to the type.
inline std::vector<float> normal(Type type, size_t count, uint32_t seed, float scale = 1.0F) {
  std::mt19937 random(seed);
  std::normal_distribution<float> draw(0.0F, scale);
  std::vector<float> values(count);
  for (float& x : values) x = draw(random);
  return rounded(type, std::move(values));
}

// Half a step of the type's rounding, relative; fp32 sums and the device's fast exponentials need a little
// more.
inline double step(Type type) {
  return type == Type::float32 ? 4e-6 : type == Type::float16 ? 1e-3 : 8e-3;
}

// |got - wanted| <= step (|wanted| + size), size being that of what was added up.
inline void check_near(const std::vector<float>& got, const std::vector<double>& wanted, Type type,
                       double size = 1.0) {
  REQUIRE(got.size() == wanted.size());
  double worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    if (got[i] == wanted[i]) continue;
    double excess = std::abs(got[i] - wanted[i]) / (step(type) * (std::abs(wanted[i]) + size));
    if (std::isnan(excess)) excess = INFINITY;
    if (excess > worst) {
      worst = excess;
      at = i;
    }
  }
  if (got.empty()) return;
  INFO("value " << at << ": " << got[at] << " for " << wanted[at] << ", type " << static_cast<int>(type));
  CHECK(worst <= 1.0);
}

}  // namespace swift::cuda_test
