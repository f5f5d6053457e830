#include "train/report/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/suggest.h"

namespace swift::train {

const std::vector<std::string>& schedule_names() {
  // The order is that of Schedule::Kind.
  static const std::vector<std::string> names = {"constant", "constant_with_warmup", "linear", "cosine"};
  return names;
}

int64_t warmup_steps(int64_t total, int64_t steps, double ratio) {
  return steps > 0 ? steps : static_cast<int64_t>(std::ceil(static_cast<double>(total) * ratio));
}

Schedule::Schedule(std::string_view name, int64_t total, int64_t warmup) : total_(total), warmup_(warmup) {
  const auto& names = schedule_names();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    const auto close = base::nearest(name, names);
    throw base::Error(
        base::ExitCode::usage, "lr_scheduler_type: unknown schedule '" + std::string(name) + "'", {},
        close ? "did you mean '" + *close + "'?" : "known: constant, constant_with_warmup, linear, cosine");
  }
  kind_ = static_cast<Kind>(found - names.begin());
}

double Schedule::factor(int64_t step) const {
  if (kind_ == Kind::constant) return 1;
  if (step < warmup_) return static_cast<double>(step) / static_cast<double>(std::max<int64_t>(1, warmup_));
  if (kind_ == Kind::constant_with_warmup) return 1;
  const double falling = static_cast<double>(std::max<int64_t>(1, total_ - warmup_));
  if (kind_ == Kind::linear) return std::max(0.0, static_cast<double>(total_ - step) / falling);
  // Half a cosine wave: num_cycles 0.5.
  const double progress = static_cast<double>(step - warmup_) / falling;
  return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * 0.5 * 2.0 * progress)));
}

}  // namespace swift::train
