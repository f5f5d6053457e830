// swift config validate | show | schema | init | explain.
#include <algorithm>
#include <iostream>

#include "base/error.h"
#include "cli/command.h"
#include "cli/task_input.h"
#include "config/help.h"
#include "config/report.h"
#include "config/resolve.h"

namespace swift::cli {
namespace {

constexpr const char* kStarter =
    "# yaml-language-server: $schema=swift.schema.json\n"
    "model: path/to/model            # a Hugging Face directory\n"
    "method: sft                     # sft or pt\n"
    "tuner_type: lora                # lora or full\n"
    "dataset: path/to/data.jsonl     # {\"messages\": [{\"role\": \"user\", …}, {\"role\": \"assistant\", "
    "…}]}\n"
    "split_dataset_ratio: 0.01\n"
    "max_length: 2048\n"
    "lora_rank: 8\n"
    "lora_alpha: 32\n"
    "per_device_train_batch_size: 1\n"
    "num_train_epochs: 3\n"
    "output_dir: output\n";

bool take(std::vector<std::string>& words, const std::string& flag) {
  const auto found = std::find(words.begin(), words.end(), flag);
  if (found == words.end()) return false;
  words.erase(found);
  return true;
}

// A task that only serves names no dataset: what training would lack is told, and no fault.
int validate(std::vector<std::string> words) {
  const config::Task task = read_task("train", words);
  std::string lacks;
  try {
    config::require(task, "train");
  } catch (const config::ConfigError& error) {
    for (const config::Problem& problem : error.problems()) lacks += "\n  " + problem.message;
  } catch (const base::Error& error) {
    lacks = "\n  " + error.where().str() + ": " + error.message();
  }
  std::cerr << "the configuration is valid" << lacks << "\n";
  return 0;
}

int show(std::vector<std::string> words) {
  const bool json = take(words, "--json");
  const config::Task task = read_task("train", words);
  std::cout << (json ? config::show_json(task).dump(2) + "\n" : config::show(task));
  return 0;
}

int explain(const std::vector<std::string>& words) {
  if (words.empty()) throw base::Error(base::ExitCode::usage, "config explain needs a key, or --all");
  if (words[0] == "--all") {
    std::cout << config::reference_page();
    return 0;
  }
  std::string text;
  for (const std::string& key : words) text += config::explain(key);
  std::cout << text;
  return 0;
}

}  // namespace

int run_config(std::string_view /*verb*/, const std::vector<std::string>& words) {
  const std::string action = words.empty() ? "" : words[0];
  std::vector<std::string> rest(words.begin() + (words.empty() ? 0 : 1), words.end());
  if (action == "validate") return validate(std::move(rest));
  if (action == "show") return show(std::move(rest));
  if (action == "explain") return explain(rest);
  if (action == "schema") {
    std::cout << config::json_schema().dump(2) << "\n";
    return 0;
  }
  if (action == "init") {
    std::cout << kStarter;
    return 0;
  }
  throw base::Error(base::ExitCode::usage,
                    action.empty() ? "config needs an action" : "unknown action '" + action + "'", {},
                    "validate, show, schema, init or explain");
}

}  // namespace swift::cli
