#include "train/report/metrics_log.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "base/file.h"

namespace swift::train {
namespace {
namespace fs = std::filesystem;
using base::Json;

fs::path fresh(const char* name) {
  const fs::path path = fs::path(SWIFT_BINARY_DIR) / name;
  fs::remove(path);
  return path;
}

TEST_CASE("metrics are one JSON object a line, in order, at full precision") {
  const fs::path path = fresh("report-order.jsonl");
  MetricsLog log = MetricsLog::create(path);
  log.write({{"step", 1}, {"loss", 2.123456789012}, {"grad_norm", NAN}, {"epoch", 0.5}});
  CHECK(base::read_file(path) == "{\"step\":1,\"loss\":2.123456789012,\"grad_norm\":null,\"epoch\":0.5}\n");
  log.write({{"step", 2}, {"loss", 1e-9}});
  CHECK(base::read_file(path).ends_with("}\n{\"step\":2,\"loss\":1e-09}\n"));
}

TEST_CASE("resuming drops later steps, the closing summary and a torn line") {
  const fs::path path = fresh("report-resume.jsonl");
  base::write_file_atomic(
      path,
      "{\"step\":1,\"loss\":3.0}\n{\"step\":2,\"loss\":2.0}\n{\"step\":2,\"eval_loss\":2.5}\n"
      "{\"step\":3,\"loss\":1.0}\nnot json\n{\"last_model_checkpoint\":\"x\"}\n{\"step\":2,\"lo");
  MetricsLog log = MetricsLog::resume(path, 2);
  log.write({{"step", 3}, {"loss", 0.5}});
  CHECK(base::read_file(path) ==
        "{\"step\":1,\"loss\":3.0}\n{\"step\":2,\"loss\":2.0}\n{\"step\":2,\"eval_loss\":2.5}\n"
        "{\"step\":3,\"loss\":0.5}\n");
}

TEST_CASE("resuming without a log begins one, creating replaces an old one") {
  const fs::path path = fresh("report-missing.jsonl");
  MetricsLog::resume(path, 10).write({{"step", 11}});
  CHECK(base::read_file(path) == "{\"step\":11}\n");
  MetricsLog::create(path).write({{"step", 1}});
  CHECK(base::read_file(path) == "{\"step\":1}\n");
}

TEST_CASE("a log that cannot be written is an error with its path") {
  CHECK_THROWS_WITH(MetricsLog::create(fs::path(SWIFT_BINARY_DIR) / "report-absent" / "logging.jsonl"),
                    Catch::Contains("report-absent"));
  if (!fs::exists("/dev/full")) {
    WARN("skipped: no /dev/full");
    return;
  }
  MetricsLog full = MetricsLog::create("/dev/full");
  CHECK_THROWS_AS(full.write({{"step", 1}}), base::Error);
}

}  // namespace
}  // namespace swift::train
