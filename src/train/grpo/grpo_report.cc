// What of the GRPO trainer is not the step: scoring a round, logs, evaluation, checkpoints.
#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/file.h"
#include "base/format.h"
#include "base/signals.h"
#include "train/best_model.h"
#include "train/grpo/grpo_trainer.h"
#include "train/peak_memory.h"
#include "train/run_directory.h"

namespace swift::train::grpo {

namespace fs = std::filesystem;
using base::cat;
using base::Json;

namespace {

constexpr int64_t kDullRounds = 10;  // in a row, until it is said again

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

// Log-probabilities of the policy that sampled and of the reference.
void GrpoTrainer::score_policies(Round& round) {
  std::vector<SequenceRef> sequences;
  for (const Rollout& rollout : round.rollouts)
    sequences.push_back({&data_.train[static_cast<size_t>(rollout.prompt)], &rollout});
  const bool one_update = rhythm_.updates_per_round() <= 1;
  const bool needed = !one_update || settings_.loss.correction || settings_.loss.off_policy_delta ||
                      task_.kl_in_reward.value_or(false);
  if (source_->exact()) {
    for (const Rollout& rollout : round.rollouts) round.old_log_probs.push_back(rollout.log_probs);
  } else if (needed) {
    round.old_log_probs = sequence_log_probs(decoder_, sequences, settings_.temperature, rhythm_.micro_batch,
                                             settings_.share_prompts);
  }
  if (!reference_) return;
  round.ref_log_probs = sequence_log_probs(reference_->decoder(), sequences, settings_.temperature,
                                           rhythm_.micro_batch, settings_.share_prompts);
}

void GrpoTrainer::finish_round(Round& round) {
  score_policies(round);
  std::vector<double> penalties;
  for (size_t i = 0; i < round.rollouts.size(); ++i) {
    const auto mask = loss_mask(round.rollouts[i], task_.overlong_filter);
    for (const float one : mask) round.trained_tokens += one;
    if (!task_.kl_in_reward.value_or(false) || !reference_) continue;
    double kl = 0;
    for (size_t t = 0; t < mask.size(); ++t)
      kl += mask[t] * (round.old_log_probs[i][t] - round.ref_log_probs[i][t]);
    penalties.push_back(task_.beta.value_or(0.04) * kl);
  }
  round.advantage = advantages(round.rewards, advantage_, penalties);
  Json metrics = round_metrics(round, maker_->names());
  metrics["generation_seconds"] = round.metrics.value("generation_seconds", 0.0);
  metrics["reward_seconds"] = round.metrics.value("reward_seconds", 0.0);
  if (task_.async_generate) metrics["staleness"] = static_cast<double>(state_.step - round.update);
  round.metrics = std::move(metrics);
  log_.add(round.metrics);
  tell_of_round(round);
  watch_rewards(round);
}

void GrpoTrainer::tell_of_round(const Round& round) {
  const auto empty = std::find_if(round.rollouts.begin(), round.rollouts.end(),
                                  [](const Rollout& rollout) { return rollout.text.empty(); });
  if (empty != round.rollouts.end() && round.index == 0)
    reporter_->say(cat("warning: an empty completion, first for ",
                       data_.train[static_cast<size_t>(empty->prompt)].row.where.str()));
  if (!task_.log_completions) return;
  if (!completions_.is_open()) completions_.open(run_ / "completions.jsonl", std::ios::app);
  for (const Json& line : completion_lines(round, data_.train, maker_->names(), state_.step + 1))
    completions_ << line.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  completions_.flush();
}

// Says when a round can teach nothing, and why.
void GrpoTrainer::watch_rewards(const Round& round) {
  const Rollout& first = round.rollouts.front();
  const std::string row = data_.train[static_cast<size_t>(first.prompt)].row.where.str();
  const bool all_cut = std::all_of(round.rollouts.begin(), round.rollouts.end(),
                                   [](const Rollout& rollout) { return rollout.truncated; });
  const bool often = round.index % kDullRounds == 0;
  if (all_cut && often) {
    reporter_->say(cat("warning: all completions of this round were cut off at max_completion_length ",
                       task_.max_completion_length, ", the first for ", row,
                       task_.overlong_filter ? "; overlong_filter leaves nothing to train on" : ""));
  }
  if (round.advantage.zero_std_share < 1) {
    dull_rounds_ = 0;
    ++bright_rounds_;
    return;
  }
  if (dull_rounds_++ % kDullRounds != 0) return;
  reporter_->say(cat("warning: in every group of this round all rewards are equal (mean ",
                     round.advantage.mean_reward, ", the first group is of ", row,
                     "), so nothing is learnt from it",
                     dull_rounds_ > 1 ? cat("; so it was ", dull_rounds_, " rounds in a row") : ""));
}

void GrpoTrainer::log_step(double grad_norm, double learning_rate, const LossSums& sums,
                           const SamplerDifference& difference, double generation, double seconds) {
  Json step = sums.means(settings_.loss.type);
  if (!task_.log_entropy) step.erase("entropy/mean");
  if (difference.tokens > 0) {
    step["sampling/sampling_logp_difference/mean"] = difference.sum / difference.tokens;
    step["sampling/sampling_logp_difference/max"] = difference.most;
  }
  step["generation_share"] = generation / seconds;
  log_.add(step);
  const double left = state_.elapsed_seconds / static_cast<double>(state_.step) *
                      static_cast<double>(total_steps_ - state_.step);
  reporter_->progress({state_.step, total_steps_, last_loss_, learning_rate, speed_, left}, steady_seconds());
  const bool first = state_.step == 1 && task_.logging_first_step;
  if (!first && state_.step % std::max<int64_t>(1, task_.logging_steps) != 0 && state_.step != total_steps_)
    return;
  Json line = {{"loss", state_.loss_since_log / static_cast<double>(state_.steps_since_log)},
               {"grad_norm", grad_norm},
               {"learning_rate", learning_rate},
               {"epoch", epochs_done()},
               {"global_step/max_steps", cat(state_.step, "/", total_steps_)},
               {"tokens_per_second", static_cast<double>(state_.tokens_since_log) / state_.seconds_since_log},
               {"elapsed_seconds", state_.elapsed_seconds},
               {"remaining_seconds", left},
               {"memory_gib", peak_memory_gib(decoder_.embed_tokens.device())}};
  line.update(log_.means());
  // A round that serves several updates is the news of its first one.
  for (const auto& [key, value] : round_metrics_.items())
    if (!line.contains(key) && !key.ends_with("_seconds")) line[key] = value;
  reporter_->metrics(state_.step, line);
  log_.clear();
  state_.loss_since_log = state_.seconds_since_log = 0;
  state_.steps_since_log = state_.tokens_since_log = 0;
}

bool GrpoTrainer::due(const std::string& strategy, int64_t every) const {
  if (state_.step == total_steps_) return strategy != "no";
  if (strategy == "steps") return state_.step % std::max<int64_t>(1, every) == 0;
  return strategy == "epoch" && state_.step % steps_per_epoch_ == 0;
}

bool GrpoTrainer::saving_due() const {
  return due(task_.save_strategy, task_.save_steps) || state_.step == total_steps_;
}

void GrpoTrainer::evaluate_if_due() {
  if (data_.validation.empty() || state_.evaluated_step == state_.step ||
      !due(task_.eval_strategy.value_or("no"), task_.eval_steps.value_or(task_.save_steps)))
    return;
  if (ahead_.valid()) ahead_.wait();  // one at a time asks the environment
  const double begin = steady_seconds();
  if (followed_ != state_.step) source_->follow(followed_ = state_.step);
  const Round round = maker_->evaluate(data_.validation);
  state_.evaluated_step = state_.step;
  Json line = {{"epoch", epochs_done()}, {"eval_seconds", steady_seconds() - begin}};
  const Json metrics = round_metrics(round, maker_->names());
  for (const auto& [key, value] : metrics.items()) {
    if (key == "reward_std" || key == "frac_reward_zero_std" || key == "num_turns") continue;
    line["eval_" + key] = value;
  }
  const double reward = round.advantage.mean_reward;
  if (is_better(task_, reward, state_.best_metric)) state_.best_metric = reward;
  const bool kept = state_.step > 0 && (saved_step_ == state_.step || saving_due());
  if (kept && is_better(task_, reward, state_.best_checkpoint_metric)) {
    state_.best_checkpoint_metric = reward;
    state_.best_checkpoint = (run_ / cat("checkpoint-", state_.step)).string();
  }
  started_ += steady_seconds() - begin;
  reporter_->metrics(state_.step, line);
  reporter_->say(cat("step ", state_.step, ": eval_reward ", reward));
}

void GrpoTrainer::after_step() {
  launch_ahead();
  evaluate_if_due();
  if (saving_due()) save();
}

void GrpoTrainer::save() {
  if (saved_step_ == state_.step) return;
  save_checkpoint(run_, task_, decoder_, adapter_ ? &*adapter_ : nullptr, *optimizer_, state_,
                  [this](const fs::path& directory) {
                    const Json json = {{"next_round", next_round_},
                                       {"dull_rounds", dull_rounds_},
                                       {"bright_rounds", bright_rounds_},
                                       {"log", log_.to_json()},
                                       {"round", round_ ? to_json(*round_) : Json(nullptr)}};
                    base::write_file_atomic(directory / "grpo_state.json", json.dump() + "\n");
                    if (reference_) reference_->save(directory);
                  });
  saved_step_ = state_.step;
  reporter_->draw_curves();
  if (task_.save_total_limit) prune_checkpoints(run_, *task_.save_total_limit, state_.best_checkpoint);
}

Result GrpoTrainer::finish(int exit_code) {
  Result result{exit_code, {}, {}};
  const auto found = checkpoints_of(run_);
  if (!found.empty()) result.last_checkpoint = found.back();
  result.best_checkpoint =
      fs::exists(state_.best_checkpoint) ? fs::path(state_.best_checkpoint) : result.last_checkpoint;
  if (task_.load_best_model_at_end && exit_code == 0 && result.best_checkpoint != result.last_checkpoint) {
    restore_weights(decoder_, adapter_ ? &*adapter_ : nullptr, result.best_checkpoint);
    result.last_checkpoint = result.best_checkpoint;
  }
  if (exit_code == 0 && bright_rounds_ == 0) {
    reporter_->say(
        "warning: this run has learnt nothing: in no group did the rewards differ. Look at "
        "completions.jsonl: "
        "are the rewards right, is the task within the model's reach, are completions cut off?");
  }
  reporter_->draw_curves();
  reporter_->close(
      {{"last_model_checkpoint", result.last_checkpoint.string()},
       {"best_model_checkpoint", result.best_checkpoint.string()},
       {"best_metric", state_.best_checkpoint_metric ? Json(*state_.best_checkpoint_metric) : Json(nullptr)},
       {"global_step", state_.step},
       {"max_steps", total_steps_},
       {"tokens", state_.tokens_seen},
       {"train_seconds", state_.elapsed_seconds},
       {"memory_gib", peak_memory_gib(decoder_.embed_tokens.device())}});
  return result;
}

}  // namespace swift::train::grpo
