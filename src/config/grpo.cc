#include "config/grpo.h"

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

void derive(Task& task, std::string_view key) {
  task.origins.insert_or_assign(std::string(key), Origin::derived());
}

template <class T, class Value>
void fill(Task& task, std::optional<T>& member, std::string_view key, Value value) {
  if (member) return;
  member = std::move(value);
  derive(task, key);
}

void fill_generation(Task& task) {
  fill(task, task.temperature, "temperature", 0.9);
  fill(task, task.top_k, "top_k", -1);
  fill(task, task.top_p, "top_p", 1.0);
  fill(task, task.min_p, "min_p", 0.0);
  fill(task, task.repetition_penalty, "repetition_penalty", 1.0);
}

void fill_estimator(Task& task) {
  const std::string& estimator = task.advantage_estimator;
  fill(task, task.scale_rewards, "scale_rewards",
       std::string(estimator == "grpo"   ? "group"
                   : estimator == "rloo" ? "none"
                                         : "batch"));
  fill(task, task.kl_in_reward, "kl_in_reward", estimator != "grpo");
}

void check_rounds(const Task& task) {
  const int64_t round =
      task.generation_batch_size.value_or(task.per_device_train_batch_size * *task.steps_per_generation);
  if (round % task.num_generations != 0) {
    refuse(task, task.generation_batch_size ? "generation_batch_size" : "num_generations",
           cat("num_generations: ", task.num_generations, " does not divide the ", round,
               " completions of a round (",
               task.generation_batch_size ? "generation_batch_size"
                                          : "per_device_train_batch_size * steps_per_generation",
               ")"),
           "make it a multiple of num_generations");
  }
  if (task.generation_batch_size && task.is_set("steps_per_generation") &&
      *task.generation_batch_size != task.per_device_train_batch_size * *task.steps_per_generation) {
    refuse(task, "generation_batch_size",
           cat("generation_batch_size: ", *task.generation_batch_size,
               " and steps_per_generation: ", *task.steps_per_generation, " disagree"),
           "give one of them");
  }
}

void check_rhythm(const Task& task) {
  const int64_t step = *task.gradient_accumulation_steps,
                round = *task.steps_per_generation * task.num_iterations;
  if (round % step == 0 || step % round == 0) return;
  refuse(task, "gradient_accumulation_steps",
         cat("gradient_accumulation_steps: ", step, " and steps_per_generation * num_iterations: ", round,
             " do not divide each other: an update would end inside of a pass over the completions"),
         "make one a multiple of the other");
}

void check_sampling(const Task& task) {
  if (*task.temperature == 0) {
    refuse(task, "temperature",
           "temperature: 0 makes all completions of a group equal, from which nothing is learnt",
           "set a temperature above 0; 0.9 is the default");
  }
  if (task.async_generate && !task.base_url) {
    refuse(task, "async_generate",
           "async_generate needs base_url: here the same cores generate and train, one after the other",
           "start a server (swift deploy) and give its address, or leave async_generate out");
  }
  if (task.base_url && task.tuner_type != "lora") {
    refuse(task, "base_url",
           cat("base_url and tuner_type: ", task.tuner_type,
               " exclude each other: only an adapter can be sent to a server"),
           "use tuner_type: lora");
  }
  if (task.rollout_importance_sampling_mode && !task.base_url) {
    refuse(task, "rollout_importance_sampling_mode",
           "rollout_importance_sampling_mode without base_url: completions made here have the trainer's own "
           "log-probabilities",
           "leave it out");
  }
}

void check_rewards(const Task& task) {
  const size_t rewards = task.reward_funcs.size() + task.reward_model.size();
  if (rewards == 0 && !task.multi_turn_scheduler) {
    refuse(task, "reward_funcs", "method: grpo needs a reward",
           "set reward_funcs: accuracy (with a column solution), format, command:PROGRAM, an http address …");
  }
  const size_t weights = numbers(task, "reward_weights", task.reward_weights).size();
  if (weights == 0 || weights == rewards) return;
  refuse(task, "reward_weights",
         cat("reward_weights has ", weights, " numbers for ", rewards,
             " rewards (reward_funcs, then reward_model)"),
         "give one for each");
}

// Settings of other methods that would be taken silently.
void check_features(const Task& task) {
  const std::pair<const char*, bool> not_with_grpo[] = {
      {"packing", task.packing},
      {"streaming", task.streaming},
      {"group_by_length", task.group_by_length},
      {"galore_optim_per_parameter", task.galore_optim_per_parameter},
      {"offload_optimizer", task.offload_optimizer},
      {"offload_activations", task.offload_activations},
      {"auto_find_batch_size", task.auto_find_batch_size},
      {"enable_channel_loss", task.enable_channel_loss},
      {"enable_dft_loss", task.enable_dft_loss},
  };
  for (const auto& [key, given] : not_with_grpo)
    if (given) refuse(task, key, cat(key, " has no meaning with method: grpo"), "remove it");
}

}  // namespace

void resolve_grpo(Task& task, std::vector<std::string>& /*warnings*/) {
  fill_generation(task);
  fill_estimator(task);
  if (!task.is_set("truncation_strategy"))
    task.truncation_strategy = "left", derive(task, "truncation_strategy");
  if (!task.is_set("metric_for_best_model"))
    task.metric_for_best_model = "reward", derive(task, "metric_for_best_model");
  fill(task, task.gradient_accumulation_steps, "gradient_accumulation_steps", 1);
  if (task.generation_batch_size)
    fill(task, task.steps_per_generation, "steps_per_generation",
         std::max<int64_t>(1, *task.generation_batch_size / task.per_device_train_batch_size));
  fill(task, task.steps_per_generation, "steps_per_generation", *task.gradient_accumulation_steps);
  check_rewards(task);
  check_rounds(task);
  check_rhythm(task);
  check_sampling(task);
  check_features(task);
}

}  // namespace swift::config
