// Noise on embeddings: bounded by the length of each sample, and a function of its key.
#include "ops/noise.h"

#include <catch2/catch.hpp>
#include <cmath>

using namespace swift;

TEST_CASE("embedding noise is uniform within alpha / sqrt(L d) of each sample") {
  const at::Tensor h = at::zeros({400, 32});
  std::vector<int32_t> positions(400);
  for (int32_t i = 0; i < 400; ++i) positions[static_cast<size_t>(i)] = i < 100 ? i : i - 100;
  const at::Tensor noise = ops::embedding_noise(h, positions, 5.0, 7);
  for (const auto& [first, length] : {std::pair<int64_t, int64_t>{0, 100}, {100, 300}}) {
    const double bound = 5.0 / std::sqrt(static_cast<double>(length * 32));
    const at::Tensor part = noise.narrow(0, first, length);
    CHECK(part.abs().max().item<double>() <= bound);
    CHECK(part.abs().max().item<double>() > 0.99 * bound);
    CHECK(std::abs(part.mean().item<double>()) < 0.05 * bound);
    CHECK(part.std().item<double>() == Approx(bound / std::sqrt(3.0)).epsilon(0.05));
  }
  CHECK(at::equal(noise, ops::embedding_noise(h, positions, 5.0, 7)));
  CHECK_FALSE(at::equal(noise, ops::embedding_noise(h, positions, 5.0, 9)));
}
