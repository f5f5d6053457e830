// Texts and documents made from the field table: --help, JSON Schema, explanations, the reference page.
#pragma once
#include <string>
#include <string_view>

#include "base/json.h"
#include "config/task.h"

namespace swift::config {

// The settings of the given readers, grouped, at most 80 columns: "  --lora_rank 8    Rank of …".
std::string settings_help(unsigned readers);

// JSON Schema, draft 2020-12, of a task file.
base::Json json_schema();

// One setting at length: type, default, range, environment variable. Throws base::Error(usage) with the
// nearest key.
std::string explain(std::string_view key);

// Markdown of every setting: docs/settings.md.
std::string reference_page();

// Every value with its origin, one a line: "lora_rank: 8  # default". Loads back as YAML.
std::string show(Task task);
// The same as {key: {"value": …, "origin": …}}.
base::Json show_json(const Task& task);

}  // namespace swift::config
