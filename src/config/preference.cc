#include "config/preference.h"

#include <algorithm>
#include <cmath>

#include "base/format.h"
#include "config/alignment.h"

namespace swift::config {
namespace {

using base::cat;

[[noreturn]] void refuse(const Task& task, const std::string& key, const std::string& message,
                         const std::string& hint = {}) {
  const auto found = task.origins.find(key);
  throw base::Error(base::ExitCode::usage, message,
                    found == task.origins.end() ? base::Location{} : found->second.where, hint);
}

std::vector<std::string_view> losses_of(std::string_view method) {
  if (method == "dpo")
    return {"sigmoid",   "hinge", "ipo",          "exo_pair", "nca_pair", "robust",   "bco_pair",
            "sppo_hard", "aot",   "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft"};
  if (method == "kto") return {"kto", "apo_zero_unpaired"};
  if (method == "cpo") return {"sigmoid", "hinge", "ipo", "simpo"};
  return {"simpo"};
}

bool has(const Task& task, std::string_view loss) {
  return std::find(task.loss_type.begin(), task.loss_type.end(), loss) != task.loss_type.end();
}

void check_losses(const Task& task) {
  if (task.method == "orpo" || task.method == "rm") return;
  const auto known = losses_of(task.method);
  for (const std::string& loss : task.loss_type) {
    if (std::find(known.begin(), known.end(), loss) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) list += (list.empty() ? "" : ", ") + std::string(name);
    refuse(task, "loss_type", "loss_type: " + loss + " and method: " + task.method + " do not go together",
           task.method + " has " + list);
  }
  if (task.loss_type.size() > 1 && task.method != "dpo")
    refuse(task, "loss_type", "loss_type: several losses are for method: dpo, not " + task.method);
  if (!task.loss_weights.empty() && task.loss_weights.size() != task.loss_type.size())
    refuse(task, "loss_weights",
           cat("loss_weights has ", task.loss_weights.size(), " numbers, but loss_type ",
               task.loss_type.size(), " losses"));
  numbers(task, "loss_weights", task.loss_weights);  // throws
  // These have 1 / beta in them.
  if (*task.beta == 0 && (has(task, "ipo") || has(task, "sppo_hard")))
    refuse(task, "beta",
           "beta: 0 and loss_type: " + task.loss_type[0] + " exclude each other: it divides by beta");
}

void check_dpo(const Task& task) {
  const std::string free = "reference_free: true and ";
  if (task.reference_free && task.precompute_ref_log_probs)
    refuse(task, "precompute_ref_log_probs",
           free + "precompute_ref_log_probs: true exclude each other: there is no reference");
  const double coefficient = task.f_alpha_divergence_coef;
  if (task.f_divergence_type == "alpha_divergence" && std::abs(coefficient) > 100)
    refuse(task, "f_alpha_divergence_coef",
           cat("f_alpha_divergence_coef: ", coefficient, " is out of range"));
}

void check_sync(const Task& task) {
  if (task.sync_ref_model)
    refuse(task, "sync_ref_model",
           "sync_ref_model: true and method: " + task.method + " exclude each other: it is for grpo",
           "remove sync_ref_model");
}

// The KL is estimated on the answers of other rows of the step.
void check_kto(const Task& task) {
  if (task.loss_type.front() != "kto") return;
  if (task.per_device_train_batch_size == 1 && task.gradient_accumulation_steps.value_or(2) == 1)
    refuse(
        task, "per_device_train_batch_size",
        "per_device_train_batch_size: 1 and gradient_accumulation_steps: 1 exclude each other with method: "
        "kto: its KL needs another row's answer",
        "raise one of them");
  if (task.precompute_ref_log_probs)
    refuse(task, "precompute_ref_log_probs",
           "precompute_ref_log_probs: true and loss_type: kto exclude each other: its KL pairs prompts with "
           "answers of the same step",
           "use loss_type: apo_zero_unpaired, or set it to false");
}

// What the loss of tokens has and the losses of answers have not.
void check_token_losses(const Task& task) {
  const std::string methods = " and method: " + task.method + " exclude each other: ";
  const auto token_loss = [&](const char* key, bool given) {
    if (given) refuse(task, key, key + methods + "it changes the loss of single tokens");
  };
  token_loss("label_smoothing_factor", task.label_smoothing_factor > 0);
  token_loss("z_loss_coef", task.z_loss_coef > 0);
  token_loss("enable_dft_loss", task.enable_dft_loss);
  token_loss("enable_channel_loss", task.enable_channel_loss);
  if (task.streaming)
    refuse(task, "streaming", "streaming: true" + methods + "pairs are read before training",
           "set streaming: false");
  if (task.load_from_cache_file)
    refuse(task, "load_from_cache_file",
           "load_from_cache_file: true" + methods + "the cache holds single samples", "set it to false");
  if (task.truncation_strategy == "split")
    refuse(task, "truncation_strategy", "truncation_strategy: split" + methods + "an answer has one reward",
           "use delete, left or right");
}

}  // namespace

void resolve_preference(Task& task, std::vector<std::string>& /*warnings*/) {
  check_losses(task);
  check_token_losses(task);
  if (task.method == "dpo") check_dpo(task);
  if (task.method == "kto") check_kto(task);
  check_sync(task);
}

}  // namespace swift::config
