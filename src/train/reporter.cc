#include "train/reporter.h"

#include <fstream>
#include <sstream>

#include "base/file.h"
#include "base/log.h"
#include "train/report/curves.h"

namespace swift::train {
namespace fs = std::filesystem;
using base::Json;
namespace {

// Curves worth a picture; other numbers go to TensorBoard only.
constexpr const char* kPictures[] = {"loss",          "eval_loss",         "grad_norm",
                                     "learning_rate", "tokens_per_second", "memory_gib"};

struct Series {
  std::vector<double> steps, values;
};

std::map<std::string, Series> read_series(const fs::path& log) {
  std::map<std::string, Series> series;
  std::ifstream in(log);
  for (std::string line; std::getline(in, line);) {
    const Json row = Json::parse(line, nullptr, false);
    if (!row.is_object() || !row.contains("step")) continue;
    for (const auto& [key, value] : row.items()) {
      if (!value.is_number() || key == "step") continue;
      series[key].steps.push_back(row.at("step").get<double>());
      series[key].values.push_back(value.get<double>());
    }
  }
  return series;
}

}  // namespace

Reporter::Reporter(fs::path run, bool tensorboard, std::optional<int64_t> resume_step)
    : run_(std::move(run)),
      log_(resume_step ? MetricsLog::resume(run_ / "logging.jsonl", *resume_step)
                       : MetricsLog::create(run_ / "logging.jsonl")) {
  if (tensorboard) events_.emplace(run_ / "runs");
}

void Reporter::metrics(int64_t step, const Json& fields) {
  Json line = {{"step", step}};
  line.update(fields);
  log_.write(line);
  if (!events_) return;
  for (const auto& [key, value] : fields.items()) {
    if (value.is_number())
      events_->scalar((key.starts_with("eval_") ? "eval/" + key.substr(5) : "train/" + key), step,
                      value.get<double>());
  }
}

void Reporter::progress(const Progress& progress, double now) {
  line_.update(progress, now);
}

void Reporter::say(const std::string& text) {
  line_.clear();
  base::log::info(text);
}

void Reporter::draw_curves() {
  // A picture that cannot be drawn must not end a run whose numbers are safe.
  try {
    write_pictures();
  } catch (const std::exception& fault) {
    if (!pictures_failed_) base::log::warn(fault.what());
    pictures_failed_ = true;
  }
}

void Reporter::write_pictures() const {
  const auto series = read_series(run_ / "logging.jsonl");
  for (const char* name : kPictures) {
    const auto found = series.find(name);
    if (found == series.end() || found->second.steps.empty()) continue;
    fs::create_directories(run_ / "images");
    write_curve(run_ / "images" / (std::string(std::string(name) == "loss" ? "train_loss" : name) + ".png"),
                name, found->second.steps, found->second.values);
  }
}

void Reporter::close(const Json& summary) {
  line_.finish();
  log_.write(summary);
}

}  // namespace swift::train
