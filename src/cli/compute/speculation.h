// What guesses tokens ahead, as the task describes it.
#pragma once
#include <memory>

#include "config/task.h"
#include "infer/drafter.h"
#include "infer/step_model.h"
#include "text/tokenizer.h"

namespace swift::cli {

struct Speculation {
  std::unique_ptr<infer::StepModel> model;  // the drafter's, which it must outlive; null: none of its own
  std::unique_ptr<infer::Drafter> drafter;  // null: nothing is guessed
};

// speculative_model, or guesses from the text so far. model: whose tokens are guessed. Throws
// base::Error(usage) when the two models' tokens differ, and as load_decoder does.
Speculation load_speculation(const config::Task& task, const text::Tokenizer& tokenizer,
                             const infer::StepModel& model, at::Device device);

}  // namespace swift::cli
