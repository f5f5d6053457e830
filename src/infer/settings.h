// A task's generation settings over the model's generation_config.json.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/task.h"
#include "infer/sampling_params.h"

namespace swift::infer {

struct Settings {
  SamplingParams sampling;
  std::vector<int32_t> eos_token_ids;  // of generation_config.json
};

constexpr int64_t kDefaultMaxNewTokens = 512;

// The task wins over generation_config (an object, or null when the model has none). As in ms-swift, a model
// whose do_sample is not true decodes greedily unless the task gives a temperature. Throws base::Error(usage)
// for values out of range, base::Error(model) for a generation_config whose values have the wrong type.
Settings resolve_settings(const config::Task& task, const base::Json& generation_config);

// task.system: a text, in which a literal \n is a line break, or the path of a .txt file that holds it.
// Throws base::Error(usage) when that file cannot be read.
std::optional<std::string> system_text(const config::Task& task);

}  // namespace swift::infer
