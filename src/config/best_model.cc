#include "config/best_model.h"

#include "base/format.h"

namespace swift::config {
namespace {

[[noreturn]] void refuse(const Task& task, const std::string& key, const std::string& message,
                         const std::string& hint) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, message,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

}  // namespace

void check_best_model(const Task& task, bool validates) {
  if (!task.load_best_model_at_end) return;
  if (!validates) {
    refuse(task, "load_best_model_at_end",
           "load_best_model_at_end needs validation data: without evaluations no checkpoint is the best",
           "set val_dataset or split_dataset_ratio");
  }
  const std::string& evaluates = *task.eval_strategy;
  if (evaluates != task.save_strategy || evaluates == "no") {
    refuse(
        task, "load_best_model_at_end",
        base::cat("load_best_model_at_end needs evaluation and saving on the same steps, but eval_strategy: ",
                  evaluates, " and save_strategy: ", task.save_strategy),
        "set both to steps, or both to epoch");
  }
  if (evaluates == "steps" && task.save_steps % *task.eval_steps != 0) {
    refuse(task, "load_best_model_at_end",
           base::cat("load_best_model_at_end needs an evaluation at every checkpoint, but save_steps: ",
                     task.save_steps, " is no multiple of eval_steps: ", *task.eval_steps),
           "set eval_steps to save_steps");
  }
}

}  // namespace swift::config
