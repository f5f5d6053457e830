// Learning-rate schedules as transformers defines them (transformers.optimization.get_scheduler, 5.19).
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace swift::train {

// The names that Schedule accepts.
const std::vector<std::string>& schedule_names();

// Warm-up steps of a run: `steps` when positive, else ceil(ratio * total).
int64_t warmup_steps(int64_t total, int64_t steps, double ratio);

// What lr_scheduler_kwargs of transformers hold; each schedule reads some of them.
struct ScheduleArguments {
  double num_cycles = 0;          // waves of a cosine; 0: 0.5, restarts: 1
  double power = 1;               // polynomial
  double lr_end = 1e-7;           // polynomial
  double timescale = 0;           // inverse_sqrt; 0: the warm-up, or 10,000
  double min_lr_rate = 0;         // cosine_with_min_lr and warmup_stable_decay: lowest factor
  int64_t num_decay_steps = 0;    // warmup_stable_decay; 0: a tenth of the run
  int64_t num_stable_steps = -1;  // warmup_stable_decay; -1: what is left
  std::string warmup_type = "linear",
              decay_type = "cosine";  // of warmup_stable_decay: linear, cosine, 1-sqrt
};

// factor(step) multiplies the base learning rate of the update that follows `step` finished updates, so the
// first update uses factor(0).
class Schedule {
 public:
  // total: updates of the whole run; warmup: updates with a linearly rising rate ("constant" ignores it);
  // arguments: lr_scheduler_kwargs, an object; learning_rate: the base rate, by which absolute rates among
  // them are divided. Throws Error(usage) for an unknown name or argument, with the nearest known one, and
  // for a value out of range.
  Schedule(std::string_view name, int64_t total, int64_t warmup,
           const base::Json& arguments = base::Json::object(), double learning_rate = 1);
  double factor(int64_t step) const;

 private:
  double after_warmup(int64_t step) const;
  double stable_decay(int64_t step) const;
  enum class Kind {
    constant,
    constant_with_warmup,
    linear,
    cosine,
    cosine_with_restarts,
    cosine_with_min_lr,
    polynomial,
    inverse_sqrt,
    warmup_stable_decay,
  };
  Kind kind_ = Kind::constant;
  int64_t total_;
  int64_t warmup_;
  double learning_rate_;
  ScheduleArguments arguments_;
};

}  // namespace swift::train
