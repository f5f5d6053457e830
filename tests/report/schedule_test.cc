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
    const Schedule schedule(row["name"].get<std::string>(), row["total"], row["warmup"]);
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
