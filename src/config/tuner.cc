#include "config/tuner.h"

#include <array>

#include "base/format.h"
#include "base/suggest.h"

namespace swift::config {
namespace {

constexpr int64_t kMaxRank = 4096;

[[noreturn]] void refuse(const Task& task, const std::string& key, const std::string& message,
                         const std::string& hint = {}) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, message,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

void check_init(const Task& task) {
  const std::string& init = task.init_weights;
  constexpr std::string_view kIterated = "pissa_niter_";
  if (init.starts_with(kIterated)) {
    const std::string count = init.substr(kIterated.size());
    const bool digits = !count.empty() && count.find_first_not_of("0123456789") == std::string::npos;
    if (digits && count.size() <= 4 && std::stoi(count) >= 1 && std::stoi(count) <= 1000) return;
    refuse(task, "init_weights", "init_weights: pissa_niter_ needs 1 to 1000 iterations, not '" + count + "'",
           "as pissa_niter_16");
  }
  const std::vector<std::string> names = {"true", "false", "gaussian", "pissa", "pissa_niter_16"};
  for (const std::string& name : names) {
    if (init == name) return;
  }
  const auto near = base::nearest(init, names);
  refuse(task, "init_weights", "init_weights: '" + init + "' is not supported",
         (near ? "did you mean '" + *near + "'? " : "") +
             "supported: true, false, gaussian, pissa, pissa_niter_<iterations>");
}

void check_pattern(const Task& task, const std::string& key, const std::string& text, bool whole) {
  if (text.empty()) return;
  const base::Json object = base::Json::parse(text);
  for (const auto& [pattern, value] : object.items()) {
    if (whole && value.is_number_integer() && value.get<int64_t>() >= 1 && value.get<int64_t>() <= kMaxRank)
      continue;
    if (!whole && value.is_number() && value.get<double>() > 0) continue;
    refuse(task, key,
           base::cat(key, ": '", pattern, "' has ", value.dump(), ", but needs ",
                     whole ? "a whole number from 1 to 4096" : "a number above 0"));
  }
}

void check_full(const Task& task) {
  const std::array<std::pair<const char*, bool>, 7> lora_only = {{
      {"use_dora", task.use_dora},
      {"use_rslora", task.use_rslora},
      {"use_lora_fa", task.use_lora_fa},
      {"lorap_lr_ratio", task.lorap_lr_ratio.has_value()},
      {"rank_pattern", !task.rank_pattern.empty()},
      {"alpha_pattern", !task.alpha_pattern.empty()},
      {"target_regex", task.target_regex.has_value()},
  }};
  for (const auto& [key, given] : lora_only) {
    if (given)
      refuse(task, key,
             std::string(key) + " and tuner_type: full exclude each other: full tuning has no adapters",
             "set tuner_type: lora, or remove " + std::string(key));
  }
}

void check_lora(const Task& task) {
  const std::array<std::pair<const char*, bool>, 5> full_only = {{
      {"freeze_parameters", !task.freeze_parameters.empty()},
      {"freeze_parameters_regex", task.freeze_parameters_regex.has_value()},
      {"freeze_parameters_ratio", task.freeze_parameters_ratio > 0},
      {"trainable_parameters", !task.trainable_parameters.empty()},
      {"trainable_parameters_regex", task.trainable_parameters_regex.has_value()},
  }};
  for (const auto& [key, given] : full_only) {
    if (given)
      refuse(task, key,
             std::string(key) +
                 " and tuner_type: lora exclude each other: with adapters the model's own weights are frozen",
             "set tuner_type: full; modules_to_save and target_modules choose what LoRA trains");
  }
  if (task.lorap_lr_ratio && task.use_lora_fa) {
    refuse(task, "lorap_lr_ratio",
           "lorap_lr_ratio and use_lora_fa exclude each other: the ratio is between B and A, and A is frozen",
           "raise learning_rate instead");
  }
  if (task.target_regex && task.is_set("target_modules")) {
    refuse(task, "target_regex", "target_regex and target_modules both choose the modules",
           "give one of them");
  }
}

}  // namespace

void check_tuner(const Task& task) {
  if (task.tuner_type == "full") return check_full(task);
  check_lora(task);
  check_init(task);
  check_pattern(task, "rank_pattern", task.rank_pattern, true);
  check_pattern(task, "alpha_pattern", task.alpha_pattern, false);
}

}  // namespace swift::config
