// The verbs inside the shared library. Each returns the process's exit code and throws base::Error.
#pragma once
#include "config/task.h"

namespace swift::cli {

int train(const config::Task& task);
// method: grpo.
int train_grpo(const config::Task& task);
// The memory plan of a training task on stdout, as a table or as JSON.
int estimate(const config::Task& task);
int estimate_json(const config::Task& task);
int infer(const config::Task& task);
// Serves the OpenAI API until a signal.
int deploy(const config::Task& task);
int export_model(const config::Task& task);

}  // namespace swift::cli
