// swift estimate: a plan without reading weights or data.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

fs::path model_without_weights() {
  const fs::path folder = scratch("no-weights");
  base::Json config = base::Json::parse(kTinyConfig);
  write(folder / "config.json", config.dump());
  return folder;
}

}  // namespace

TEST_CASE("estimate prints a table, or JSON, from config.json alone") {
  const fs::path model = model_without_weights();
  const Outcome table = swift::tests::swift({"estimate", "--model", model, "--max_length", "64"});
  INFO(table.err);
  REQUIRE(table.code == 0);
  for (const char* row :
       {"weights", "optimizer", "gradients", "activations", "logits", "total", "max_length"})
    CHECK(table.out.find(row) != std::string::npos);
  const Outcome json = swift::tests::swift(
      {"estimate", "--json", "--model", model, "--max_length", "64", "--per_device_train_batch_size", "3"});
  REQUIRE(json.code == 0);
  const base::Json plan = base::Json::parse(json.out);
  CHECK(plan.at("longest_batch").at("tokens") == 192);
  CHECK(plan.at("peak_bytes").get<int64_t>() > 0);
}

TEST_CASE("estimate without a model, or with a broken one, ends as training would") {
  const Outcome none = swift::tests::swift({"estimate"});
  CHECK(none.code == 2);
  CHECK(none.err.find("--model") != std::string::npos);
  const Outcome absent = swift::tests::swift({"estimate", "--model", "/nonexistent"});
  CHECK(absent.code == 4);
  CHECK(absent.out.empty());
  const Outcome rank = swift::tests::swift({"estimate", "--model", model_without_weights(), "--tuner_type",
                                            "lora", "--target_modules", "no_such_module"});
  CHECK(rank.code == 2);
}

TEST_CASE("training shows its plan before the first step") {
  const Outcome trained = swift::tests::swift(train_words(scratch("planned")));
  REQUIRE(trained.code == 0);
  CHECK(trained.err.find("memory plan:") != std::string::npos);
  CHECK(trained.err.find("from the data") != std::string::npos);
}
