#include "train/halve_batch.h"

#include <catch2/catch.hpp>
#include <numeric>

using namespace swift;

namespace {

data::Sample sample_of(int32_t length, bool weighted) {
  data::Sample sample;
  for (int32_t t = 0; t < length; ++t) sample.input_ids.push_back(10 * length + t);
  sample.labels = sample.input_ids;
  sample.labels[1] = data::kIgnore;
  sample.channel = "c" + std::to_string(length);
  if (weighted) sample.weights.assign(static_cast<size_t>(length), 0.5F);
  return sample;
}

data::Pack pack_of(const std::vector<int32_t>& lengths, bool weighted = false) {
  data::Pack pack;
  for (const int32_t length : lengths) data::append(pack, sample_of(length, weighted));
  return pack;
}

void check_same(const data::Pack& got, const data::Pack& want) {
  CHECK(got.input_ids == want.input_ids);
  CHECK(got.labels == want.labels);
  CHECK(got.position_ids == want.position_ids);
  CHECK(got.cu_seqlens == want.cu_seqlens);
  CHECK(got.weights == want.weights);
  CHECK(got.channels == want.channels);
  CHECK(got.trained_tokens == want.trained_tokens);
}

}  // namespace

TEST_CASE("halves of packs are the packs of their samples, cut nearest to the middle") {
  train::StepBatch batch;
  batch.micro_batches = {pack_of({3, 4, 9, 2}, true), pack_of({5}), pack_of({20, 3, 3})};
  REQUIRE(train::halve(batch));
  REQUIRE(batch.micro_batches.size() == 5);
  check_same(batch.micro_batches[0], pack_of({3, 4}, true));
  check_same(batch.micro_batches[1], pack_of({9, 2}, true));
  check_same(batch.micro_batches[2], pack_of({5}));
  check_same(batch.micro_batches[3], pack_of({20}));
  check_same(batch.micro_batches[4], pack_of({3, 3}));
  while (train::halve(batch)) continue;
  CHECK(batch.micro_batches.size() == 8);
  for (const data::Pack& pack : batch.micro_batches) CHECK(pack.samples() == 1);
}

TEST_CASE("halves of rows keep each row's part in the mean") {
  train::StepBatch batch;
  batch.items = {{1, 2, 3}, {4}};
  REQUIRE(train::halve(batch));
  CHECK(batch.items == std::vector<std::vector<uint32_t>>{{1}, {2, 3}, {4}});
  REQUIRE(batch.shares.size() == 3);
  CHECK(batch.shares[0] == Approx(1.0 / 6));
  CHECK(batch.shares[1] == Approx(2.0 / 6));
  CHECK(batch.shares[2] == Approx(0.5));
  REQUIRE(train::halve(batch));
  CHECK_FALSE(train::halve(batch));
  CHECK(std::accumulate(batch.shares.begin(), batch.shares.end(), 0.0) == Approx(1));
}
