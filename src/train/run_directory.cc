#include "train/run_directory.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "base/format.h"

namespace swift::train {
namespace fs = std::filesystem;
namespace {

constexpr const char* kRemoved = ".removed";

// The number between `prefix` and the end or one of `ends`, or -1.
int64_t number_after(const std::string& name, const std::string& prefix, const char* ends = "-") {
  if (!name.starts_with(prefix)) return -1;
  int64_t value = -1;
  const char* begin = name.data() + prefix.size();
  const char* end = name.data() + name.size();
  const auto [stop, fault] = std::from_chars(begin, end, value);
  return fault == std::errc() && (stop == end || std::strchr(ends, *stop) != nullptr) ? value : -1;
}

std::vector<fs::path> runs_of(const fs::path& output_dir) {
  std::vector<fs::path> runs;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(output_dir, ignored)) {
    if (entry.is_directory() && number_after(entry.path().filename(), "v") >= 0) runs.push_back(entry.path());
  }
  std::sort(runs.begin(), runs.end(), [](const fs::path& a, const fs::path& b) {
    return number_after(a.filename(), "v") < number_after(b.filename(), "v");
  });
  return runs;
}

}  // namespace

int64_t checkpoint_step(const fs::path& checkpoint) {
  return number_after(checkpoint.filename(), "checkpoint-");
}

std::vector<fs::path> checkpoints_of(const fs::path& run) {
  std::vector<fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run, ignored)) {
    if (entry.is_directory() && checkpoint_step(entry.path()) >= 0) found.push_back(entry.path());
  }
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return checkpoint_step(a) < checkpoint_step(b); });
  return found;
}

void remove_checkpoint(const fs::path& checkpoint) {
  const fs::path hidden = checkpoint.parent_path() / ("." + checkpoint.filename().string() + kRemoved);
  std::error_code fault;
  fs::remove_all(hidden, fault);
  fs::rename(checkpoint, hidden, fault);
  if (!fault) fs::remove_all(hidden, fault);
  if (fault)
    throw base::Error(base::ExitCode::failure, "cannot remove: " + fault.message(), {checkpoint.string()});
}

void remove_leftovers(const fs::path& run) {
  std::vector<fs::path> leftovers;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run, ignored)) {
    const std::string name = entry.path().filename();
    if (number_after(name, ".checkpoint-", ".-") < 0) continue;
    if (name.find(".partial-") != std::string::npos || name.ends_with(kRemoved))
      leftovers.push_back(entry.path());
  }
  for (const fs::path& leftover : leftovers) fs::remove_all(leftover, ignored);
}

void prune_checkpoints(const fs::path& run, int64_t limit, const fs::path& best) {
  const auto found = checkpoints_of(run);
  auto surplus = static_cast<int64_t>(found.size()) - std::max<int64_t>(1, limit);
  for (const fs::path& checkpoint : found) {
    if (surplus <= 0) break;
    if (checkpoint == best || checkpoint == found.back()) continue;
    remove_checkpoint(checkpoint);
    --surplus;
  }
}

void check_output_directory(const config::Task& task) {
  base::ensure_writable_directory(task.output_dir);
  if (task.add_version || task.overwrite_output_dir || checkpoints_of(task.output_dir).empty()) return;
  throw base::Error(base::ExitCode::usage, "output_dir already holds checkpoints", {task.output_dir},
                    "set overwrite_output_dir: true, resume_from_checkpoint: auto, or another output_dir");
}

fs::path create_run_directory(const config::Task& task) {
  const fs::path output_dir = task.output_dir;
  check_output_directory(task);
  if (!task.add_version) {
    for (const fs::path& old : checkpoints_of(output_dir)) remove_checkpoint(old);
    return output_dir;
  }
  const auto runs = runs_of(output_dir);
  int64_t number = runs.empty() ? 0 : number_after(runs.back().filename(), "v") + 1;
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 32> stamp{};
  std::strftime(stamp.data(), stamp.size(), "%Y%m%d-%H%M%S", &local);
  // Two runs started in the same moment must not share a directory: creating it decides.
  for (;; ++number) {
    const fs::path run = output_dir / base::cat("v", number, "-", stamp.data());
    if (fs::create_directory(run)) return run;
  }
}

std::optional<fs::path> find_resume_checkpoint(const config::Task& task) {
  if (!task.resume_from_checkpoint) return std::nullopt;
  if (*task.resume_from_checkpoint != "auto") {
    const fs::path checkpoint = *task.resume_from_checkpoint;
    if (!fs::exists(checkpoint / "trainer_state.json")) {
      throw base::Error(
          base::ExitCode::usage,
          "resume_from_checkpoint: not a checkpoint that can be resumed (no trainer_state.json)",
          {checkpoint.string()},
          "give a checkpoint-<step> directory of a run with save_only_model: false, or auto");
    }
    return fs::canonical(checkpoint);
  }
  auto runs = runs_of(task.output_dir);
  runs.insert(runs.begin(), fs::path(task.output_dir));
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    const auto found = checkpoints_of(*run);
    for (auto checkpoint = found.rbegin(); checkpoint != found.rend(); ++checkpoint) {
      if (fs::exists(*checkpoint / "trainer_state.json")) return fs::canonical(*checkpoint);
    }
  }
  return std::nullopt;
}

}  // namespace swift::train
