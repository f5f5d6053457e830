// A task as JSON: args.json, its way back, and the hash that names a configuration.
#pragma once
#include <filesystem>
#include <string>

#include "base/json.h"
#include "config/task.h"

namespace swift::config {

// Every value in table order, unset ones as null, then "deploy" when it is given.
base::Json to_json(Task task);

// Overwrites the fields that the object names; unknown keys are ignored. `origin` becomes theirs.
// Throws ConfigError for a value of the wrong type or range.
void from_json(Task& task, const base::Json& object, const Origin& origin);

// For `load_args`: takes the settings that belong to the checkpoint (model, template, encoding, tuner) from
// an args.json, where the user gave none. `checkpoint` is an adapter or model directory; the file is looked
// for in it and in its parent. Returns the file read, or an empty path when there is none.
std::filesystem::path load_args(Task& task, const std::filesystem::path& checkpoint);

// 16 hexadecimal digits (FNV-1a 64 of to_json's text); equal for equal settings, whatever their origins.
std::string hash(const Task& task);

}  // namespace swift::config
