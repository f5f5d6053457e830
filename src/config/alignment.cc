#include "config/alignment.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/format.h"
#include "config/grpo.h"
#include "config/preference.h"

namespace swift::config {
namespace {

base::Location place_of(const Task& task, std::string_view key) {
  const auto found = task.origins.find(key);
  return found == task.origins.end() ? base::Location{} : found->second.where;
}

void derive(Task& task, std::string_view key) {
  task.origins.insert_or_assign(std::string(key), Origin::derived());
}

// A setting, and the methods that read it.
struct Reader {
  std::string_view key;
  std::string_view methods;
};

constexpr Reader kReaders[] = {
    {"loss_type", "dpo kto cpo simpo grpo"},
    {"loss_weights", "dpo"},
    {"beta", "dpo kto orpo cpo simpo grpo"},
    {"ref_model", "dpo kto grpo"},
    {"ref_adapters", "dpo kto grpo"},
    {"sync_ref_model", "dpo grpo"},
    {"label_smoothing", "dpo cpo"},
    {"f_divergence_type", "dpo"},
    {"reference_free", "dpo"},
    {"rpo_alpha", "dpo"},
    {"ld_alpha", "dpo"},
    {"precompute_ref_log_probs", "dpo kto"},
    {"desirable_weight", "kto"},
    {"undesirable_weight", "kto"},
    {"cpo_alpha", "cpo simpo"},
    {"simpo_gamma", "simpo cpo"},
    {"center_rewards_coefficient", "rm"},
    {"num_generations", "grpo"},
    {"reward_funcs", "grpo"},
    {"reward_model", "grpo"},
};

bool reads(std::string_view methods, std::string_view method) {
  return (" " + std::string(methods) + " ").find(" " + std::string(method) + " ") != std::string::npos;
}

void warn_unread(const Task& task, std::vector<std::string>& warnings) {
  for (const Reader& reader : kReaders) {
    if (!task.is_set(reader.key) || reads(reader.methods, task.method)) continue;
    warnings.push_back(
        base::cat(reader.key, " has no effect with method: ", task.method, "; it is for ", reader.methods));
  }
}

double default_beta(const Task& task) {
  if (task.method == "grpo") return 0.04;
  return task.method == "simpo" ? 2.0 : 0.1;
}

void fill_loss(Task& task) {
  if (!task.beta && task.method != "rm") task.beta = default_beta(task), derive(task, "beta");
  if (!task.loss_type.empty() || task.method == "orpo" || task.method == "rm") return;
  const bool named = task.method == "kto" || task.method == "simpo" || task.method == "grpo";
  task.loss_type = {named ? task.method : std::string("sigmoid")};
  derive(task, "loss_type");
}

void fill_data(Task& task) {
  if (!task.is_set("loss_scale") && task.method != "orpo")
    task.loss_scale = "last_round", derive(task, "loss_scale");
}

void check_reference(const Task& task) {
  if (!has_reference(task)) return;
  if (task.ref_model && task.tuner_type == "lora") {
    throw base::Error(base::ExitCode::usage,
                      "ref_model and tuner_type: lora exclude each other: the reference is the same weights "
                      "with the adapter off",
                      place_of(task, "ref_model"), "remove ref_model; ref_adapters names another adapter");
  }
  if (!task.ref_adapters.empty() && task.tuner_type != "lora") {
    throw base::Error(base::ExitCode::usage,
                      "ref_adapters and tuner_type: " + task.tuner_type +
                          " exclude each other: full tuning has no adapters",
                      place_of(task, "ref_adapters"), "name the reference with ref_model");
  }
  if (task.ref_adapters.size() > 1) {
    throw base::Error(base::ExitCode::usage, "ref_adapters: one adapter at most",
                      place_of(task, "ref_adapters"));
  }
}

}  // namespace

bool is_preference(std::string_view method) {
  return reads("dpo kto orpo cpo simpo rm", method);
}

bool has_reference(const Task& task) {
  if (task.method == "dpo") return !task.reference_free;
  return task.method == "kto" || (task.method == "grpo" && task.beta.value_or(0) > 0);
}

void resolve_alignment(Task& task, std::vector<std::string>& warnings) {
  warn_unread(task, warnings);
  if (!task.disable_dropout)
    task.disable_dropout = task.method == "grpo" || is_preference(task.method),
    derive(task, "disable_dropout");
  const bool grpo = task.method == "grpo";
  if (!grpo && !is_preference(task.method)) return;
  fill_loss(task);
  fill_data(task);
  check_reference(task);
  if (grpo) return resolve_grpo(task, warnings);
  resolve_preference(task, warnings);
}

std::vector<double> numbers(const Task& task, std::string_view key, const std::vector<std::string>& texts) {
  std::vector<double> values;
  for (const std::string& text : texts) {
    double value = 0;
    const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (fault != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
      throw base::Error(base::ExitCode::usage, base::cat(key, ": '", text, "' is no number"),
                        place_of(task, key));
    values.push_back(value);
  }
  return values;
}

}  // namespace swift::config
