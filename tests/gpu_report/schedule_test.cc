#include "schedule.h"

#include <catch2/catch.hpp>

using namespace swift::gpu_bench;

TEST_CASE("copies are so many that a call finds none of its data in the cache") {
  constexpr double kCache = 50e6;
  CHECK(sets_for(1e9, kCache) == 1);
  CHECK(sets_for(200e6, kCache) == 1);
  for (const double bytes : {199e6, 45e6, 4e6, 1e6}) {
    const int sets = sets_for(bytes, kCache);
    CHECK((sets - 1) * bytes >= 4 * kCache);
    CHECK((sets - 3) * bytes < 4 * kCache);
  }
  CHECK(sets_for(10, kCache) == kMostSets);
  CHECK(sets_for(0, kCache) == 1);
}

TEST_CASE("calls fill a sample, samples a budget") {
  CHECK(calls_for(1) == 1);
  CHECK(calls_for(200e-6) == 1);
  CHECK(calls_for(10e-6) == 20);
  CHECK(calls_for(1e-9) == 100);
  CHECK(calls_for(0) == 100);
  CHECK(samples_for(10, 0.25) == 5);
  CHECK(samples_for(20e-3, 0.25) == 13);
  CHECK(samples_for(200e-6, 0.25) == 30);
}

TEST_CASE("the median") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 3}) == 2.5);
  CHECK(median({7}) == 7);
  CHECK(median({}) == 0);
}
