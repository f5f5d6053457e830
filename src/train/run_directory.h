// The directory of a run: output_dir/vN-YYYYMMDD-HHMMSS, with its checkpoints.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/task.h"

namespace swift::train {

// Throws what create_run_directory would throw, before hours are spent on data.
void check_output_directory(const config::Task& task);

// A new run directory (add_version), or output_dir itself, which must then be empty of checkpoints unless
// overwrite_output_dir. Created and checked for writing. Throws base::Error(failure | usage).
std::filesystem::path create_run_directory(const config::Task& task);

// Removes a checkpoint so that no part of it is ever seen under its name. Throws base::Error(failure).
void remove_checkpoint(const std::filesystem::path& checkpoint);

// Removes what a killed process left half written or half removed in a run.
void remove_leftovers(const std::filesystem::path& run);

// Complete checkpoints of a run, by step.
std::vector<std::filesystem::path> checkpoints_of(const std::filesystem::path& run);

// Removes the oldest checkpoints until `limit` are left, 1 at least; `best` and the newest stay. Throws
// base::Error(failure).
void prune_checkpoints(const std::filesystem::path& run, int64_t limit, const std::filesystem::path& best);

// The checkpoint that resume_from_checkpoint means: a directory, or for "auto" the newest complete one below
// output_dir; nothing when "auto" finds none. Throws base::Error(usage) when the directory is no checkpoint.
std::optional<std::filesystem::path> find_resume_checkpoint(const config::Task& task);

// The number behind "checkpoint-", or -1.
int64_t checkpoint_step(const std::filesystem::path& checkpoint);

}  // namespace swift::train
