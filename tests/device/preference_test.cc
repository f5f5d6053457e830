#include "../train/preference_runs.h"
#include "device/host_device.h"

using namespace swift;
using namespace swift::tests::preference_runs;

TEST_CASE("on a device, ten steps of DPO from an adapter are those of trl") {
  check_dpo_against_trl(tests::host_device());
}

TEST_CASE("on a device, reward models and KTO learn as on the CPU") {
  for (const char* method : {"rm", "kto", "orpo"}) {
    CAPTURE(method);
    config::Task task = task_of(method);
    task.max_steps = 3;
    const auto rows = rows_of(method);
    const Run here = run(task, rows), there = run(task, rows, tests::host_device());
    REQUIRE(there.lines.size() == here.lines.size());
    for (size_t i = 0; i < here.lines.size(); ++i)
      CHECK(number(there.lines[i], "loss") ==
            Approx(number(here.lines[i], "loss")).epsilon(1e-4).margin(1e-5));
  }
}
