#include "train/report/schedule.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/json.h"

namespace swift::train {
namespace {

base::Json golden() {
  return base::read_json(SWIFT_SOURCE_DIR "/tests/golden/schedules.json");
}

TEST_CASE("schedules give transformers' factors at every step") {
  const base::Json values = golden();
  for (const auto& row : values["schedules"]) {
    const Schedule schedule(row["name"].get<std::string>(), row["total"], row["warmup"], row["arguments"]);
    const auto factors = row["factors"].get<std::vector<double>>();
    for (size_t step = 0; step < factors.size(); ++step) {
      INFO(row["name"] << " total " << row["total"] << " warmup " << row["warmup"] << " step " << step);
      // The same double arithmetic; only the last bits of cos may differ.
      CHECK(schedule.factor(static_cast<int64_t>(step)) ==
            Approx(factors[step]).margin(1e-15).epsilon(1e-14));
    }
  }
}

TEST_CASE("warm-up steps come from a count or from a rounded-up share") {
  const base::Json values = golden();
  for (const auto& row : values["warmups"]) {
    CHECK(warmup_steps(row["total"], row["steps"], row["ratio"]) == row["warmup"].get<int64_t>());
  }
}

TEST_CASE("an argument that no schedule has, or out of its range, is a usage error") {
  const auto fault = [](const std::string& name, const std::string& arguments) -> std::string {
    try {
      Schedule(name, 10, 0, base::Json::parse(arguments), 1e-4);
      return "";
    } catch (const base::Error& error) {
      CHECK(error.code() == base::ExitCode::usage);
      return error.what();
    }
  };
  CHECK_THAT(fault("cosine", R"({"num_cicles": 1})"), Catch::Contains("did you mean 'num_cycles'?"));
  CHECK_THAT(fault("cosine", R"({"num_cycles": "two"})"), Catch::Contains("must be a number"));
  CHECK_THAT(fault("warmup_stable_decay", R"({"decay_type": "steep"})"),
             Catch::Contains("linear, cosine or 1-sqrt"));
  CHECK_THAT(fault("polynomial", R"({"lr_end": 1})"), Catch::Contains("below learning_rate"));
  CHECK_THAT(fault("cosine_with_min_lr", R"({"min_lr": 1})"), Catch::Contains("above learning_rate"));
  CHECK(fault("cosine_with_min_lr", R"({"min_lr": 1e-5})").empty());
}

TEST_CASE("an unknown schedule is a usage error that names the nearest") {
  try {
    Schedule("cosin", 10, 0);
    FAIL("no error");
  } catch (const base::Error& fault) {
    CHECK(fault.code() == base::ExitCode::usage);
    CHECK_THAT(fault.what(), Catch::Contains("'cosin'") && Catch::Contains("'cosine'"));
  }
}

}  // namespace
}  // namespace swift::train
