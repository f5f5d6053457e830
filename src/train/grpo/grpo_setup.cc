#include "train/grpo/grpo_setup.h"

#include "config/alignment.h"

namespace swift::train::grpo {

LossSettings loss_settings(const config::Task& task) {
  LossSettings settings;
  settings.type = task.loss_type.empty() ? "grpo" : task.loss_type.front();
  settings.importance_level = task.importance_sampling_level;
  settings.clip = {task.epsilon, task.epsilon_high.value_or(task.epsilon), task.delta, task.tau_pos,
                   task.tau_neg};
  settings.beta = task.kl_in_reward.value_or(false) ? 0.0 : task.beta.value_or(0.04);
  settings.top_entropy = task.top_entropy_quantile;
  settings.correction = task.rollout_importance_sampling_mode;
  settings.correction_threshold = task.rollout_importance_sampling_threshold;
  settings.off_policy_delta = task.off_policy_sequence_mask_delta;
  settings.max_completion_length = task.max_completion_length;
  return settings;
}

Rhythm rhythm(const config::Task& task) {
  Rhythm r;
  r.micro_batch = task.per_device_train_batch_size;
  r.accumulation = task.gradient_accumulation_steps.value_or(1);
  r.passes_per_round = task.steps_per_generation.value_or(r.accumulation);
  r.iterations = task.num_iterations;
  return r;
}

RoundSettings round_settings(const config::Task& task, int64_t max_positions) {
  const Rhythm r = rhythm(task);
  RoundSettings settings;
  settings.num_generations = task.num_generations;
  settings.prompts = r.micro_batch * r.passes_per_round / task.num_generations;
  settings.dynamic_sample = task.dynamic_sample;
  settings.max_resample_times = task.max_resample_times;
  settings.weights = reward_weights(task, task.reward_funcs.size() + task.reward_model.size());
  RolloutSettings& rollout = settings.rollout;
  rollout.sampling.temperature = task.temperature.value_or(0.9);
  rollout.sampling.top_k = task.top_k.value_or(-1);
  rollout.sampling.top_p = task.top_p.value_or(1.0);
  rollout.sampling.min_p = task.min_p.value_or(0.0);
  rollout.sampling.repetition_penalty = task.repetition_penalty.value_or(1.0);
  rollout.sampling.stop_words = task.stop_words;
  rollout.sampling.seed = static_cast<uint64_t>(task.seed);
  rollout.max_completion_length = task.max_completion_length;
  rollout.limit_total = task.completion_length_limit_scope == "total";
  rollout.max_turns = task.max_turns;
  rollout.max_positions = max_positions;
  return settings;
}

rewards::RewardSettings reward_settings(const config::Task& task) {
  rewards::RewardSettings settings;
  settings.max_completion_length = task.max_completion_length;
  settings.cosine_min_len_value_wrong = task.cosine_min_len_value_wrong;
  settings.cosine_max_len_value_wrong = task.cosine_max_len_value_wrong;
  settings.cosine_min_len_value_correct = task.cosine_min_len_value_correct;
  settings.cosine_max_len_value_correct = task.cosine_max_len_value_correct;
  settings.cosine_max_len = task.cosine_max_len;
  settings.repetition_n_grams = task.repetition_n_grams;
  settings.repetition_max_penalty = task.repetition_max_penalty;
  settings.soft_max_length = task.soft_max_length;
  settings.soft_cache_length = task.soft_cache_length;
  settings.timeout = task.reward_timeout;
  settings.max_retries = task.reward_max_retries;
  return settings;
}

std::vector<double> reward_weights(const config::Task& task, size_t rewards) {
  std::vector<double> weights = config::numbers(task, "reward_weights", task.reward_weights);
  if (weights.empty()) weights.assign(rewards, 1.0);
  return weights;
}

std::vector<std::unique_ptr<rewards::Reward>> make_rewards(const config::Task& task) {
  const rewards::RewardSettings settings = reward_settings(task);
  std::vector<std::unique_ptr<rewards::Reward>> made;
  for (const std::string& spec : task.reward_funcs) made.push_back(rewards::make_reward(spec, settings));
  return made;
}

}  // namespace swift::train::grpo
