#include "config/resolve.h"

#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "config/alignment.h"
#include "config/base_weights.h"
#include "config/best_model.h"
#include "config/data_options.h"
#include "config/decoding.h"
#include "config/device.h"
#include "config/offload.h"
#include "config/optim.h"
#include "config/quantization.h"
#include "config/report.h"
#include "config/serialize.h"
#include "config/tuner.h"

namespace swift::config {
namespace {

namespace fs = std::filesystem;

void derive(Task& task, std::string_view key) {
  task.origins.insert_or_assign(std::string(key), Origin::derived());
}

template <class T, class Value>
void fill(Task& task, std::optional<T>& member, std::string_view key, Value value) {
  if (member) return;
  member = std::move(value);
  derive(task, key);
}

void set_method(Task& task, std::string_view verb) {
  if (verb == "pt" || verb == "sft") {
    if (task.is_set("method") && task.method != verb && task.origins.at("method").source == Source::flag) {
      throw base::Error(base::ExitCode::usage,
                        "the verb " + std::string(verb) + " and --method " + task.method + " disagree", {},
                        "use: swift train --method " + task.method);
    }
    task.method = verb;
    task.origins.insert_or_assign("method", Origin::of_flag("verb " + std::string(verb)));
  }
  if (verb == "rlhf" && !task.is_set("method")) {
    throw base::Error(base::ExitCode::usage, "rlhf needs --rlhf_type", {},
                      "one of dpo, kto, orpo, cpo, simpo, rm, grpo");
  }
}

// The text itself, from its file if it names one. A backslash and n mean a line break, as in ms-swift.
void read_system(Task& task) {
  const auto origin = task.origins.find("system");
  const bool resolved = origin != task.origins.end() && origin->second.source == Source::args_json;
  if (!task.system || resolved) return;
  std::string text = *task.system;
  if (text.size() > 4 && text.compare(text.size() - 4, 4, ".txt") == 0 &&
      text.find('\n') == std::string::npos) {
    text = base::read_file(text, base::ExitCode::usage);
  } else {
    for (size_t at = 0; (at = text.find("\\n", at)) != std::string::npos; ++at)
      text.erase(at, 1), text[at] = '\n';
  }
  task.system = text;
}

void resolve_data(Task& task, std::vector<std::string>& warnings) {
  if (!task.val_dataset.empty() && task.split_dataset_ratio > 0) {
    if (task.is_set("split_dataset_ratio"))
      warnings.push_back("split_dataset_ratio is ignored: val_dataset is given");
    task.split_dataset_ratio = 0;
    derive(task, "split_dataset_ratio");
  }
  if (task.method == "pt") {
    if (!task.is_set("loss_scale")) task.loss_scale = "all", derive(task, "loss_scale");
    if (!task.is_set("use_chat_template")) task.use_chat_template = false, derive(task, "use_chat_template");
  }
  resolve_data_options(task);
}

void resolve_training(Task& task, std::vector<std::string>& warnings) {
  const bool full = task.tuner_type == "full";
  if (task.train_from_scratch && !full) {
    if (task.is_set("tuner_type")) {
      throw base::Error(base::ExitCode::usage,
                        "train_from_scratch trains every weight, but tuner_type is lora",
                        task.origins.at("tuner_type").where, "set tuner_type: full");
    }
    task.tuner_type = "full";
    derive(task, "tuner_type");
  }
  check_tuner(task);
  fill(task, task.learning_rate, "learning_rate", task.tuner_type == "full" ? 1e-5 : 1e-4);
  const int64_t batch = task.per_device_train_batch_size;
  fill(task, task.gradient_accumulation_steps, "gradient_accumulation_steps", 15 / batch + 1);
  const bool validates = !task.val_dataset.empty() || task.split_dataset_ratio > 0;
  if (!validates && task.eval_strategy && *task.eval_strategy != "no") {
    warnings.push_back("eval_strategy is no: there is neither val_dataset nor split_dataset_ratio");
    task.eval_strategy.reset();
  }
  fill(task, task.eval_strategy, "eval_strategy", validates ? task.save_strategy : std::string("no"));
  fill(task, task.eval_steps, "eval_steps", task.save_steps);
  check_best_model(task, validates);
  fill(task, task.greater_is_better, "greater_is_better", !task.metric_for_best_model.ends_with("loss"));
  check_offload(task);
  resolve_optim(task);
  optim_args(task);  // throws
}

// The model is found again from args.json, whatever the directory swift runs in then.
void make_absolute(Task& task) {
  std::error_code ignored;
  if (fs::is_directory(task.model, ignored))
    task.model = fs::absolute(task.model).lexically_normal().string();
  if (task.chat_template && fs::is_regular_file(*task.chat_template, ignored)) {
    task.chat_template = fs::absolute(*task.chat_template).lexically_normal().string();
  }
}

// Of an element of `adapters`: deploy takes name=directory too.
std::string directory_of(const std::string& adapter) {
  const size_t equals = adapter.find('=');
  return equals == std::string::npos ? adapter : adapter.substr(equals + 1);
}

void require_adapters(const Task& task, Report& report) {
  std::error_code ignored;
  for (const std::string& given : task.adapters) {
    const std::string adapter = directory_of(given);
    if (fs::is_directory(given, ignored) || fs::is_directory(adapter, ignored)) continue;
    report.add(base::Error(base::ExitCode::model, "adapters: no such directory", {adapter},
                           "a checkpoint of a run, or any directory with an adapter_config.json"));
  }
}

}  // namespace

bool trains(std::string_view verb) {
  return verb == "train" || verb == "pt" || verb == "sft" || verb == "rlhf";
}

std::vector<std::string> resolve(Task& task, std::string_view verb) {
  std::vector<std::string> warnings;
  set_method(task, verb);
  fill(task, task.load_args, "load_args", verb == "infer" || verb == "export" || verb == "deploy");
  if (*task.load_args) {
    const std::string checkpoint = task.adapters.empty() ? task.model : directory_of(task.adapters.front());
    if (!checkpoint.empty()) load_args(task, checkpoint);
  }
  read_system(task);
  if (trains(verb)) resolve_alignment(task, warnings);
  resolve_data(task, warnings);
  resolve_training(task, warnings);
  check_quantization(task, trains(verb));
  device_choice(task);  // throws
  if (verb == "export") resolve_export_format(task), resolve_quantization(task);
  resolve_decoding(task, warnings);
  read_new_tokens(task);
  if (trains(verb)) make_absolute(task);
  return warnings;
}

void require(const Task& task, std::string_view verb, Report& report) {
  require_adapters(task, report);
  const auto need = [&](bool given, const std::string& key, const std::string& what) {
    const bool refused = !report.empty() && task.is_set(key);  // its own fault is in the report
    if (given || refused) return;
    report.add({Origin::of_flag("--" + key), 1, std::string(verb) + " needs " + what});
  };
  if (trains(verb)) {
    need(!task.model.empty(), "model", "a model directory");
    need(!task.dataset.empty(), "dataset", "a dataset");
  } else if (verb == "deploy") {
    need(!task.model.empty(), "model", "a model directory, or --adapters of a run that names it");
  } else if (verb == "infer") {
    need(!task.model.empty() || task.base_url, "model",
         "a model directory, or --adapters of a run that names it");
  } else if (verb == "export") {
    need(task.merge_lora || quantizes(task) || writes_gguf(task), "merge_lora",
         "--merge_lora true, --quant_method or --export_format gguf");
    need(!task.model.empty(), "model", "a model directory, or --adapters of a run that names it");
    need(!task.merge_lora || !task.adapters.empty(), "adapters", "the adapters to merge");
  }
}

void require(const Task& task, std::string_view verb) {
  Report report;
  require(task, verb, report);
  report.throw_if_any();
}

}  // namespace swift::config
