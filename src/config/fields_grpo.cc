#include "config/fields.h"

namespace swift::config {
namespace {

void loss_fields(FieldList& v, Task& t) {
  v.group("GRPO", kTrain);
  v("num_generations", &t.num_generations, {.min = 2}, "Completions of a prompt: the group");
  v("num_iterations", &t.num_iterations, {.min = 1}, "Updates on each completion");
  v("steps_per_generation", &t.steps_per_generation, {.min = 1},
    "Forward passes that one round of completions serves; unset: gradient_accumulation_steps");
  v("generation_batch_size", &t.generation_batch_size, {.min = 2},
    "Completions of a round, a multiple of num_generations; unset: per_device_train_batch_size * "
    "steps_per_generation");
  v("max_completion_length", &t.max_completion_length, {.min = 1}, "Longest completion in tokens");
  v("advantage_estimator", &t.advantage_estimator, {.one_of = {"grpo", "rloo", "reinforce_plus_plus"}},
    "How rewards become advantages");
  v("scale_rewards", &t.scale_rewards, {.one_of = {"group", "batch", "none", "gdpo"}},
    "Standard deviation that divides them; unset: group, for rloo none, for reinforce_plus_plus batch");
  v("kl_in_reward", &t.kl_in_reward, {},
    "Take beta * KL off the reward instead of adding it to the loss; unset: not for grpo");
  v("importance_sampling_level", &t.importance_sampling_level,
    {.one_of = {"token", "sequence", "sequence_token"}},
    "Ratios of single tokens or of whole completions (GSPO, arXiv 2507.18071)");
  v("epsilon", &t.epsilon, {.min = 0}, "Ratios are clipped below 1 - epsilon");
  v("epsilon_high", &t.epsilon_high, {.min = 0},
    "and above 1 + epsilon_high; cispo: above epsilon_high itself. Unset: epsilon (DAPO has 0.28)");
  v("delta", &t.delta, {.above = 1}, "Largest ratio where the advantage is negative; unset: none");
  v("tau_pos", &t.tau_pos, {.above = 0}, "sapo: temperature for positive advantages");
  v("tau_neg", &t.tau_neg, {.above = 0}, "sapo: temperature for negative advantages");
  v("dynamic_sample", &t.dynamic_sample, {},
    "Draw other prompts for groups whose rewards are all equal (DAPO, arXiv 2503.14476)");
  v("max_resample_times", &t.max_resample_times, {.min = 1}, "Rounds of that at most");
  v("overlong_filter", &t.overlong_filter, {}, "Leave completions out of the loss that were cut off");
  v("top_entropy_quantile", &t.top_entropy_quantile, {.max = 1, .above = 0},
    "Part of the tokens, those of highest entropy, that counts (arXiv 2506.01939)");
  v("log_entropy", &t.log_entropy, {}, "Log the entropy of the completions");
  v("log_completions", &t.log_completions, {},
    "Write prompts, completions and rewards to completions.jsonl (ms-swift: false)");
  v("rollout_importance_sampling_mode", &t.rollout_importance_sampling_mode,
    {.one_of = {"token_truncate", "token_mask", "sequence_truncate", "sequence_mask"}},
    "Correction for a rollout server whose log-probabilities differ from the trainer's; unset: none");
  v("rollout_importance_sampling_threshold", &t.rollout_importance_sampling_threshold, {.above = 0},
    "Ratio at which it truncates or masks (TRL: 3)");
  v("off_policy_sequence_mask_delta", &t.off_policy_sequence_mask_delta, {.min = 0},
    "Leave bad completions out whose mean log-ratio to the rollout is above this; unset: none");
}

void reward_fields(FieldList& v, Task& t) {
  v.group("Rewards", kTrain);
  v("reward_funcs", &t.reward_funcs, {},
    "Built-in names (accuracy, format, repetition, cosine, soft_overlong, …), command:PROGRAM ARGUMENTS, or "
    "an http(s) address");
  v("reward_weights", &t.reward_weights, {},
    "Weight of each of reward_funcs, then of each reward_model; unset: 1 each");
  v("reward_model", &t.reward_model, {}, "Directories of reward models (method rm)");
  v("reward_timeout", &t.reward_timeout, {.above = 0},
    "Seconds in which a reward command or address must score a batch");
  v("reward_max_retries", &t.reward_max_retries, {.min = 0, .max = 100},
    "How often a batch is sent again after a failure");
  v("cosine_min_len_value_wrong", &t.cosine_min_len_value_wrong, {}, "cosine: wrong, of no length");
  v("cosine_max_len_value_wrong", &t.cosine_max_len_value_wrong, {}, "cosine: wrong, of cosine_max_len");
  v("cosine_min_len_value_correct", &t.cosine_min_len_value_correct, {}, "cosine: right, of no length");
  v("cosine_max_len_value_correct", &t.cosine_max_len_value_correct, {}, "cosine: right, of cosine_max_len");
  v("cosine_max_len", &t.cosine_max_len, {.min = 1}, "cosine: unset: max_completion_length");
  v("repetition_n_grams", &t.repetition_n_grams, {.min = 1}, "repetition: words of an n-gram");
  v("repetition_max_penalty", &t.repetition_max_penalty, {.max = 0}, "repetition: reward of pure repetition");
  v("soft_max_length", &t.soft_max_length, {.min = 1}, "soft_overlong: unset: max_completion_length");
  v("soft_cache_length", &t.soft_cache_length, {.min = 1},
    "soft_overlong: tokens before soft_max_length over which the reward falls from 0 to -1");
}

void rollout_fields(FieldList& v, Task& t) {
  v.group("Rollouts", kTrain);
  v("vllm_server_timeout", &t.vllm_server_timeout, {.above = 0},
    "Seconds in which the server at base_url must answer");
  v("async_generate", &t.async_generate, {}, "Generate the next round while training on this one");
  v("async_max_staleness", &t.async_max_staleness, {.min = 1},
    "async_generate: updates by which a completion's weights may be behind");
  v("multi_turn_scheduler", &t.multi_turn_scheduler, {},
    "Environment that answers a completion with another turn: command:PROGRAM ARGUMENTS, or an http(s) "
    "address");
  v("max_turns", &t.max_turns, {.min = 1}, "Turns of a conversation with it; unset: until it ends");
  v("completion_length_limit_scope", &t.completion_length_limit_scope, {.one_of = {"per_round", "total"}},
    "What max_completion_length limits: a turn, or all of them");
  v("environment_timeout", &t.environment_timeout, {.above = 0},
    "Seconds in which the environment must answer");
}

}  // namespace

void grpo_fields(FieldList& v, Task& t) {
  loss_fields(v, t);
  reward_fields(v, t);
  rollout_fields(v, t);
}

}  // namespace swift::config
