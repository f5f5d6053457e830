// logging.jsonl of a run: one JSON object a line, in the order of the fields given.
#pragma once
#include <cstdint>
#include <filesystem>

#include "base/json.h"

namespace swift::train {

// Each line is handed to the system in one write, so a killed run loses no finished line. Numbers are written
// with the digits that read back to the same double; NaN and infinities become null, as JSON has neither.
class MetricsLog {
 public:
  // Starts an empty log, replacing an existing file. Throws Error(failure).
  static MetricsLog create(const std::filesystem::path& path);
  // Continues a log after `step`: drops lines of later steps, lines without a step (the closing summary), and
  // a line torn by a crash. A missing file begins empty. Throws Error(failure).
  static MetricsLog resume(const std::filesystem::path& path, int64_t step);

  MetricsLog(MetricsLog&& other) noexcept;
  MetricsLog& operator=(MetricsLog&& other) noexcept;
  ~MetricsLog();

  // Appends one line. Throws Error(failure), for example on a full disk.
  void write(const base::Json& fields);

 private:
  MetricsLog(std::filesystem::path path, int flags);
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace swift::train
