// The defaults that depend on other settings, and what a command cannot do without.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "config/report.h"
#include "config/task.h"

namespace swift::config {

// Fills every dependent default (origin: derived) for a verb: train, pt, sft, rlhf, infer, export, … The
// verbs pt and sft set the method. Reads `system` from its file, and args.json when load_args says so.
// Returns warnings. Throws Error for contradictory settings and unreadable files.
std::vector<std::string> resolve(Task& task, std::string_view verb);

// Adds every setting that the verb needs and the task lacks (model, dataset …). Throws Error(model) when an
// adapter's directory is missing and nothing else is wrong.
void require(const Task& task, std::string_view verb, Report& report);

// The same; throws ConfigError.
void require(const Task& task, std::string_view verb);

// train, pt, sft and rlhf train.
bool trains(std::string_view verb);

}  // namespace swift::config
