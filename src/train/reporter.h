// Everything a run tells about itself: logging.jsonl, TensorBoard events, PNG curves, the progress line.
#pragma once
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "train/report/metrics_log.h"
#include "train/report/progress.h"
#include "train/report/tensorboard.h"

namespace swift::train {

class Reporter {
 public:
  // resume_step: continues the log of an earlier start of the run after that step.
  Reporter(std::filesystem::path run, bool tensorboard, std::optional<int64_t> resume_step);

  // One line of metrics; numbers among them become curves and scalars.
  void metrics(int64_t step, const base::Json& fields);
  void progress(const Progress& progress, double now);
  // A line on stderr that does not tear the progress line.
  void say(const std::string& text);
  // Draws images/*.png from the log; a failure is a warning.
  void draw_curves();
  // The closing line of logging.jsonl.
  void close(const base::Json& summary);

 private:
  void write_pictures() const;
  std::filesystem::path run_;
  MetricsLog log_;
  std::optional<EventWriter> events_;
  ProgressLine line_;
  bool pictures_failed_ = false;
};

}  // namespace swift::train
