#include "config/data_options.h"

#include <cstdlib>
#include <filesystem>

#include "config/loss_scale.h"

namespace swift::config {
namespace {

base::Location place_of(const Task& task, std::string_view key) {
  const auto found = task.origins.find(key);
  return found == task.origins.end() ? base::Location{} : found->second.where;
}

[[noreturn]] void exclude(const Task& task, const std::string& key, const std::string& one,
                          const std::string& other, const std::string& why, const std::string& hint) {
  throw base::Error(base::ExitCode::usage, one + " and " + other + " exclude each other: " + why,
                    place_of(task, key), hint);
}

void check_streaming(const Task& task) {
  const std::string streaming = "streaming: true";
  if (task.max_steps <= 0) {
    throw base::Error(base::ExitCode::usage, "streaming needs max_steps: the number of samples is not known",
                      place_of(task, "streaming"), "set max_steps to the number of updates");
  }
  if (task.split_dataset_ratio > 0) {
    exclude(task, "split_dataset_ratio", "split_dataset_ratio", streaming,
            "the rows to hold out cannot be drawn from a stream", "name a val_dataset");
  }
  if (task.group_by_length) {
    exclude(task, "group_by_length", "group_by_length: true", streaming,
            "lengths are known only for samples that are held in memory", "use packing: true");
  }
  if (task.load_from_cache_file) {
    exclude(task, "load_from_cache_file", "load_from_cache_file: true", streaming,
            "streamed samples are encoded as they are needed", "set one of them to false");
  }
  for (const char* key : {"save_strategy", "eval_strategy"}) {
    const std::string value =
        std::string(key) == "save_strategy" ? task.save_strategy : task.eval_strategy.value_or("no");
    if (value != "epoch") continue;
    exclude(task, key, std::string(key) + ": epoch", streaming, "the length of an epoch is not known",
            "set it to steps");
  }
}

std::optional<std::string> user_cache() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::filesystem::path(value == nullptr ? "" : value);
  };
  if (const auto base = variable("XDG_CACHE_HOME"); base.is_absolute()) return (base / "swift").string();
  if (const auto home = variable("HOME"); home.is_absolute()) return (home / ".cache" / "swift").string();
  return std::nullopt;
}

}  // namespace

void resolve_data_options(Task& task) {
  parse_loss_scale(task.loss_scale, place_of(task, "loss_scale"));  // throws
  if (task.streaming) check_streaming(task);
  if (task.group_by_length && task.packing) {
    exclude(task, "group_by_length", "group_by_length: true", "packing: true",
            "packed rows have about one length", "set one of them to false");
  }
  if (!task.load_from_cache_file || task.cache_dir) return;
  task.cache_dir = user_cache();
  if (!task.cache_dir) {
    throw base::Error(base::ExitCode::usage,
                      "load_from_cache_file needs cache_dir: neither XDG_CACHE_HOME nor HOME is set",
                      place_of(task, "load_from_cache_file"), "set cache_dir");
  }
  task.origins.insert_or_assign("cache_dir", Origin::derived());
}

}  // namespace swift::config
