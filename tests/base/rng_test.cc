#include "base/rng.h"

#include <catch2/catch.hpp>
#include <set>

using namespace swift::base;

TEST_CASE("philox gives the published known-answer vectors") {
  // Random123's kat_vectors for philox4x32-10.
  CHECK(philox({0, 0, 0, 0}, 0) == std::array<uint32_t, 4>{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox({~0U, ~0U, ~0U, ~0U}, ~uint64_t{0}) ==
        std::array<uint32_t, 4>{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
}

TEST_CASE("a permutation holds every index once and depends on its stream") {
  const auto a = permutation(1000, Stream(42, Purpose::shuffle, 0));
  CHECK(std::set<uint32_t>(a.begin(), a.end()).size() == 1000);
  CHECK(a == permutation(1000, Stream(42, Purpose::shuffle, 0)));
  CHECK(a != permutation(1000, Stream(42, Purpose::shuffle, 1)));
}

TEST_CASE("normals have mean 0 and variance 1") {
  const Stream stream(7, Purpose::weight_init);
  double sum = 0, squares = 0;
  for (uint64_t i = 0; i < 20000; ++i) {
    const double x = stream.normal(i);
    sum += x, squares += x * x;
  }
  CHECK(std::abs(sum / 20000) < 0.03);
  CHECK(std::abs(squares / 20000 - 1) < 0.05);
}
