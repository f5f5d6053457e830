// Learning-rate schedules as transformers defines them (transformers.optimization.get_scheduler, 5.19).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swift::train {

// The names that Schedule accepts: constant, constant_with_warmup, linear, cosine.
const std::vector<std::string>& schedule_names();

// Warm-up steps of a run: `steps` when positive, else ceil(ratio * total).
int64_t warmup_steps(int64_t total, int64_t steps, double ratio);

// factor(step) multiplies the base learning rate of the update that follows `step` finished updates, so the
// first update uses factor(0).
class Schedule {
 public:
  // total: updates of the whole run; warmup: updates with a linearly rising rate ("constant" ignores it).
  // Throws Error(usage) for an unknown name, with the nearest known one.
  Schedule(std::string_view name, int64_t total, int64_t warmup);
  double factor(int64_t step) const;

 private:
  enum class Kind { constant, constant_with_warmup, linear, cosine };
  Kind kind_ = Kind::constant;
  int64_t total_;
  int64_t warmup_;
};

}  // namespace swift::train
