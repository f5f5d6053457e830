// From a task to a model that can be trained: what every method of `train` shares.
#pragma once
#include <filesystem>
#include <optional>

#include "config/task.h"
#include "model/adapter.h"

namespace swift::cli {

// The weights of the task, or of the checkpoint that a full run continues from. Throws base::Error(model).
model::Decoder load_weights(const config::Task& task, const std::optional<std::filesystem::path>& checkpoint);

// A fresh adapter, that of `adapters`, or that of the checkpoint; nothing for full tuning. Throws
// base::Error(usage | model).
std::optional<model::LoraSettings> attach_adapter(const config::Task& task, model::Decoder& decoder,
                                                  const std::optional<std::filesystem::path>& checkpoint);

// A line on stderr: architecture, parameters, how many are trained.
void describe(model::Decoder& decoder, const std::optional<model::LoraSettings>& adapter,
              const config::Task& task);

}  // namespace swift::cli
