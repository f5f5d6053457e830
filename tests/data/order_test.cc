// Packing, sampling and parallel maps: what decides in which order and company samples are seen.
#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <numeric>
#include <set>
#include <stdexcept>

#include "base/error.h"
#include "base/json.h"
#include "base/rng.h"
#include "data/packing.h"
#include "data/parallel.h"
#include "data/sampler.h"

using namespace swift::data;
using swift::base::Purpose;
using swift::base::Stream;

TEST_CASE("best-fit-decreasing packing gives the bins of the reference example") {
  // trl's pack_dataset example {5, 2, 3, 1} at 4, its overlong sample gone: [3, 1] and [2].
  CHECK(pack_best_fit(std::vector<int64_t>{2, 3, 1}, 4) == std::vector<std::vector<uint32_t>>{{1, 2}, {0}});
  CHECK(pack_best_fit(std::vector<int64_t>{4, 4}, 4) == std::vector<std::vector<uint32_t>>{{0}, {1}});
  CHECK(pack_best_fit({}, 4).empty());
  CHECK_THROWS_AS(pack_best_fit(std::vector<int64_t>{5}, 4), swift::base::Error);
}

TEST_CASE("packing loses no sample, keeps the limit and fills at least as well as next-fit") {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    const Stream stream(seed, Purpose::sampling);
    const int64_t capacity = 64 + static_cast<int64_t>(stream.bits(0) % 1000);
    std::vector<int64_t> lengths;
    for (uint64_t i = 1; i < 300; ++i)
      lengths.push_back(1 + static_cast<int64_t>(stream.bits(i) % static_cast<uint64_t>(capacity)));
    const auto bins = pack_best_fit(lengths, capacity);
    std::set<uint32_t> seen;
    for (const auto& bin : bins) {
      int64_t sum = 0;
      for (const uint32_t index : bin) sum += lengths[index], seen.insert(index);
      CHECK(sum <= capacity);
    }
    size_t next_fit = 1;
    int64_t filled = 0;
    for (const int64_t length : lengths) {
      if (filled + length > capacity) ++next_fit, filled = 0;
      filled += length;
    }
    CHECK(seen.size() == lengths.size());
    CHECK(bins.size() <= next_fit);
    CHECK(bins == pack_best_fit(lengths, capacity));
  }
}

TEST_CASE("a pack lays samples one after another with positions restarted") {
  Sample a, b;
  a.input_ids = {1, 2, 3}, a.labels = {kIgnore, 2, 3};
  b.input_ids = {4, 5}, b.labels = {4, 5};
  const std::vector<Sample> samples = {a, b};
  const Pack pack = make_pack(samples, std::vector<uint32_t>{1, 0});
  CHECK(pack.input_ids == std::vector<int32_t>{4, 5, 1, 2, 3});
  CHECK(pack.labels == std::vector<int32_t>{5, kIgnore, 2, 3, kIgnore});
  CHECK(pack.position_ids == std::vector<int32_t>{0, 1, 0, 1, 2});
  CHECK(pack.cu_seqlens == std::vector<int32_t>{0, 2, 5});
  CHECK(pack.trained_tokens == 3);
  CHECK(lengths_of(samples) == std::vector<int64_t>{3, 2});
}

TEST_CASE("each epoch sees every item once, the short last batch included") {
  Sampler sampler(10, 4, true, 42);
  CHECK(sampler.batches_per_epoch() == 3);
  std::vector<std::vector<uint32_t>> epochs;
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<uint32_t> order;
    for (const size_t size : {4U, 4U, 2U}) {
      const auto batch = sampler.next();
      CHECK(batch.size() == size);
      order.insert(order.end(), batch.begin(), batch.end());
    }
    CHECK(std::set<uint32_t>(order.begin(), order.end()).size() == 10);
    epochs.push_back(order);
  }
  CHECK(epochs[0] != epochs[1]);
  Sampler plain(5, 2, false, 42);
  CHECK(plain.next() == std::vector<uint32_t>{0, 1});
  CHECK(plain.next() == std::vector<uint32_t>{2, 3});
  CHECK(plain.next() == std::vector<uint32_t>{4});
  CHECK(plain.next() == std::vector<uint32_t>{0, 1});
}

TEST_CASE("a sampler resumed at any cursor continues exactly") {
  Sampler whole(7, 3, true, 1);
  for (int step = 0; step < 12; ++step) {
    Sampler resumed(7, 3, true, 1);
    resumed.seek(whole.cursor());
    Sampler ahead = whole;
    for (int i = 0; i < 5; ++i) CHECK(resumed.next() == ahead.next());
    CHECK(resumed.cursor() == ahead.cursor());
    whole.next();
  }
  CHECK_THROWS_AS(whole.seek({0, 7}), swift::base::Error);
  CHECK_THROWS_AS(whole.seek({-1, 0}), swift::base::Error);
  CHECK_THROWS_AS(Sampler(0, 1, true, 1), swift::base::Error);
}

TEST_CASE("a parallel map keeps the order and reports the first failing item") {
  for (const unsigned workers : {0U, 1U, 2U, 8U}) {
    const auto squares = parallel_map(1000, workers, [](size_t i) { return i * i; });
    CHECK(squares[999] == 998001);
    CHECK_THROWS_WITH(parallel_map(1000, workers,
                                   [](size_t i) -> int {
                                     if (i % 100 == 37) throw std::runtime_error("item " + std::to_string(i));
                                     return 0;
                                   }),
                      "item 37");
  }
  CHECK(parallel_map(0, 4, [](size_t i) { return i; }).empty());
}

TEST_CASE("grouping by length is that of transformers") {
  using swift::base::Json;
  const Json golden =
      swift::base::read_json(std::filesystem::path(SWIFT_SOURCE_DIR) / "tests/golden/length_groups.json");
  for (const Json& one : golden["cases"]) {
    const auto lengths = one["lengths"].get<std::vector<int64_t>>();
    CAPTURE(lengths.size());
    Sampler sampler(lengths.size(), 1, false, 0);
    sampler.group_by_length(lengths, one["batch"].get<int64_t>());
    for (int epoch = 0; epoch < 2; ++epoch) {
      std::vector<uint32_t> order;
      for (size_t i = 0; i < lengths.size(); ++i) order.push_back(sampler.next()[0]);
      CHECK(order == one["order"].get<std::vector<uint32_t>>());
    }
  }
}

TEST_CASE("grouped epochs differ, begin with the longest item, and resume exactly") {
  std::vector<int64_t> lengths;
  const Stream stream(1, Purpose::sampling);
  for (uint64_t i = 0; i < 500; ++i) lengths.push_back(static_cast<int64_t>(1 + stream.bits(i) % 200));
  const auto grouped = [&] {
    Sampler sampler(lengths.size(), 4, true, 42);
    sampler.group_by_length(lengths, 4);
    return sampler;
  };
  Sampler whole = grouped();
  std::vector<std::vector<uint32_t>> batches;
  std::vector<Cursor> cursors;
  for (int i = 0; i < 2 * 125; ++i) {
    cursors.push_back(whole.cursor());
    batches.push_back(whole.next());
  }
  const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
  CHECK(lengths[batches[0][0]] == longest);
  CHECK(lengths[batches[125][0]] == longest);
  CHECK(std::vector(batches.begin(), batches.begin() + 125) !=
        std::vector(batches.begin() + 125, batches.end()));
  std::set<uint32_t> seen;
  for (int i = 0; i < 125; ++i)
    seen.insert(batches[static_cast<size_t>(i)].begin(), batches[static_cast<size_t>(i)].end());
  CHECK(seen.size() == lengths.size());
  int64_t padding = 0, plain = 0;  // what padding each batch to its longest item would cost
  for (size_t i = 0; i < 125; ++i) {
    int64_t most = 0, most_in_order = 0;
    for (size_t k = 0; k < 4; ++k) {
      most = std::max(most, lengths[batches[i][k]]);
      most_in_order = std::max(most_in_order, lengths[4 * i + k]);
    }
    padding += most, plain += most_in_order;
  }
  CHECK(padding * 4 < plain * 3);
  for (const size_t at : {size_t{1}, size_t{77}, size_t{126}, size_t{249}}) {
    Sampler resumed = grouped();
    resumed.seek(cursors[at]);
    CHECK(resumed.next() == batches[at]);
  }
}
