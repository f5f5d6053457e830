#include "train/report/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/error.h"
#include "base/suggest.h"

namespace swift::train {
namespace {

using base::Json;

[[noreturn]] void refuse(const std::string& message, const std::string& hint = "") {
  throw base::Error(base::ExitCode::usage, message, {}, hint);
}

double number(const std::string& key, const Json& value, double lowest) {
  if (!value.is_number() || !std::isfinite(value.get<double>()) || value.get<double>() < lowest)
    refuse("lr_scheduler_kwargs: " + key + " must be a number from " + Json(lowest).dump() + " up, not " +
           value.dump());
  return value.get<double>();
}

std::string shape(const std::string& key, const Json& value) {
  for (const char* known : {"linear", "cosine", "1-sqrt"}) {
    if (value == known) return known;
  }
  refuse("lr_scheduler_kwargs: " + key + " must be linear, cosine or 1-sqrt, not " + value.dump());
}

ScheduleArguments read(const Json& object, double learning_rate) {
  if (!object.is_object()) refuse("lr_scheduler_kwargs must be a map of settings");
  static const std::vector<std::string> known = {
      "num_cycles",   "power",           "lr_end",           "timescale",   "min_lr",    "min_lr_rate",
      "min_lr_ratio", "num_decay_steps", "num_stable_steps", "warmup_type", "decay_type"};
  ScheduleArguments a;
  for (const auto& [key, value] : object.items()) {
    if (key == "num_cycles")
      a.num_cycles = number(key, value, 0);
    else if (key == "power")
      a.power = number(key, value, 0);
    else if (key == "lr_end")
      a.lr_end = number(key, value, 0);
    else if (key == "timescale")
      a.timescale = number(key, value, 0);
    else if (key == "min_lr")
      a.min_lr_rate = number(key, value, 0) / learning_rate;
    else if (key == "min_lr_rate" || key == "min_lr_ratio")
      a.min_lr_rate = number(key, value, 0);
    else if (key == "num_decay_steps")
      a.num_decay_steps = static_cast<int64_t>(number(key, value, 1));
    else if (key == "num_stable_steps")
      a.num_stable_steps = static_cast<int64_t>(number(key, value, 0));
    else if (key == "warmup_type")
      a.warmup_type = shape(key, value);
    else if (key == "decay_type")
      a.decay_type = shape(key, value);
    else {
      const auto near = base::nearest(key, known);
      refuse("lr_scheduler_kwargs: unknown key '" + key + "'" +
             (near ? "; did you mean '" + *near + "'?" : ""));
    }
  }
  return a;
}

double cosine(double cycles, double progress) {
  return 0.5 * (1.0 + std::cos(std::numbers::pi * cycles * 2.0 * progress));
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  // The order is that of Schedule::Kind.
  static const std::vector<std::string> names = {"constant",   "constant_with_warmup", "linear",
                                                 "cosine",     "cosine_with_restarts", "cosine_with_min_lr",
                                                 "polynomial", "inverse_sqrt",         "warmup_stable_decay"};
  return names;
}

int64_t warmup_steps(int64_t total, int64_t steps, double ratio) {
  return steps > 0 ? steps : static_cast<int64_t>(std::ceil(static_cast<double>(total) * ratio));
}

Schedule::Schedule(std::string_view name, int64_t total, int64_t warmup, const Json& arguments,
                   double learning_rate)
    : total_(total),
      warmup_(warmup),
      learning_rate_(learning_rate),
      arguments_(read(arguments, learning_rate)) {
  const auto& names = schedule_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    std::string known;
    for (const std::string& one : names) known += (known.empty() ? "" : ", ") + one;
    const auto close = base::nearest(name, names);
    refuse("lr_scheduler_type: unknown schedule '" + std::string(name) + "'",
           close ? "did you mean '" + *close + "'?" : "known: " + known);
  }
  kind_ = static_cast<Kind>(found - names.begin());
  if (arguments_.num_cycles == 0) arguments_.num_cycles = kind_ == Kind::cosine_with_restarts ? 1 : 0.5;
  if (arguments_.timescale == 0) arguments_.timescale = warmup > 0 ? static_cast<double>(warmup) : 10000;
  if (arguments_.num_decay_steps == 0) arguments_.num_decay_steps = std::max<int64_t>(1, total / 10);
  if (arguments_.num_stable_steps < 0)
    arguments_.num_stable_steps = std::max<int64_t>(0, total - warmup - arguments_.num_decay_steps);
  if (kind_ == Kind::polynomial && arguments_.lr_end >= learning_rate)
    refuse("lr_scheduler_kwargs: lr_end must be below learning_rate");
  if (arguments_.min_lr_rate > 1) refuse("lr_scheduler_kwargs: the lowest rate is above learning_rate");
}

double Schedule::factor(int64_t step) const {
  if (kind_ == Kind::constant) return 1;
  if (kind_ == Kind::warmup_stable_decay) return stable_decay(step);
  if (step < warmup_) return static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, warmup_));
  return after_warmup(step);
}

double Schedule::after_warmup(int64_t step) const {
  const double falling = static_cast<double>(std::max<int64_t>(1, total_ - warmup_));
  const double progress = static_cast<double>(step - warmup_) / falling;
  const ScheduleArguments& a = arguments_;
  switch (kind_) {
    case Kind::linear:
      return std::max(0.0, static_cast<double>(total_ - step) / falling);
    case Kind::cosine:
      return std::max(0.0, cosine(a.num_cycles, progress));
    case Kind::cosine_with_min_lr:
      return std::max(0.0, cosine(a.num_cycles, progress) * (1.0 - a.min_lr_rate) + a.min_lr_rate);
    case Kind::cosine_with_restarts:
      return progress >= 1 ? 0 : std::max(0.0, cosine(0.5, std::fmod(a.num_cycles * progress, 1.0)));
    case Kind::polynomial:
      if (step > total_) return a.lr_end / learning_rate_;
      return ((learning_rate_ - a.lr_end) * std::pow(1.0 - progress, a.power) + a.lr_end) / learning_rate_;
    case Kind::inverse_sqrt:
      return 1.0 / std::sqrt((static_cast<double>(step) + a.timescale - static_cast<double>(warmup_)) /
                             a.timescale);
    default:
      return 1;
  }
}

double Schedule::stable_decay(int64_t step) const {
  const ScheduleArguments& a = arguments_;
  const auto lifted = [&](double factor) {
    return std::max(0.0, factor * (1.0 - a.min_lr_rate) + a.min_lr_rate);
  };
  const auto share = [](int64_t done, int64_t all) {
    return static_cast<double>(done) / static_cast<double>(std::max<int64_t>(1, all));
  };
  if (step < warmup_) {
    const double progress = share(step, warmup_);
    if (a.warmup_type == "linear") return lifted(progress);
    if (a.warmup_type == "cosine") return lifted(0.5 * (1.0 - std::cos(std::numbers::pi * progress)));
    return lifted(1.0 - std::sqrt(1.0 - progress));
  }
  const int64_t decaying = step - warmup_ - a.num_stable_steps;
  if (decaying < 0) return 1;
  if (decaying >= a.num_decay_steps) return a.min_lr_rate;
  const double progress = share(decaying, a.num_decay_steps);
  if (a.decay_type == "linear") return lifted(1.0 - progress);
  if (a.decay_type == "cosine") return lifted(cosine(a.num_cycles, progress));
  return lifted(1.0 - std::sqrt(progress));
}

}  // namespace swift::train
