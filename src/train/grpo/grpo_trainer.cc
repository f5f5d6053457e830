#include "train/grpo/grpo_trainer.h"

#include <chrono>
#include <cmath>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/signals.h"
#include "train/best_model.h"
#include "train/fingerprint.h"
#include "train/grpo/engine_source.h"
#include "train/grpo/server_source.h"
#include "train/optimizers/table.h"
#include "train/parameters.h"
#include "train/run_directory.h"
#include "train/steps.h"

namespace swift::train::grpo {

namespace fs = std::filesystem;
using base::cat;
using base::Error;
using base::ExitCode;
using base::Json;

namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool is_signal(const Error& error) {
  return static_cast<int>(error.code()) > 128;
}

data::Sampler prompt_sampler(const config::Task& task, size_t prompts, int64_t of_round) {
  return {prompts, std::min<int64_t>(of_round, static_cast<int64_t>(prompts)), task.dataset_shuffle,
          static_cast<uint64_t>(task.data_seed)};
}

std::unique_ptr<CompletionSource> make_source(const config::Task& task, model::Decoder& decoder,
                                              const std::optional<model::LoraSettings>& adapter,
                                              const PromptData& data, const text::Tokenizer& tokenizer,
                                              std::vector<int32_t> eos_token_ids, const fs::path& run) {
  if (task.base_url) return make_server_source(task, decoder, adapter, tokenizer, eos_token_ids, run);
  EngineSourceOptions options;
  options.max_num_seqs = task.max_num_seqs;
  options.max_num_batched_tokens = task.max_num_batched_tokens;
  options.prefix_caching = task.enable_prefix_caching;
  options.cache_bytes = static_cast<int64_t>(task.kv_cache_memory.value_or(0) * 1073741824.0);
  int64_t longest = 0;
  for (const auto* prompts : {&data.train, &data.validation})
    for (const Prompt& prompt : *prompts)
      longest = std::max(longest, static_cast<int64_t>(prompt.ids.size()));
  const int64_t each =
      task.multi_turn_scheduler ? decoder.spec.max_positions : longest + task.max_completion_length;
  options.most_tokens = (options.max_num_seqs + 1) * (each + 64);
  return std::make_unique<EngineSource>(decoder, tokenizer, std::move(eos_token_ids), options);
}

// What must be the same for a resumed run, beside the settings of every method.
void describe(const config::Task& task, const Rhythm& rhythm, Json& fingerprint) {
  fingerprint.update({{"method", "grpo"},
                      {"loss_type", task.loss_type},
                      {"num_generations", task.num_generations},
                      {"steps_per_generation", rhythm.passes_per_round},
                      {"num_iterations", rhythm.iterations},
                      {"max_completion_length", task.max_completion_length},
                      {"temperature", task.temperature.value_or(0.9)},
                      {"beta", task.beta.value_or(0.04)},
                      {"reward_funcs", task.reward_funcs},
                      {"reward_weights", task.reward_weights}});
}

std::vector<data::Sample> as_samples(const std::vector<Prompt>& prompts) {
  std::vector<data::Sample> samples;
  for (const Prompt& prompt : prompts) {
    samples.emplace_back();
    samples.back().input_ids = prompt.ids;
  }
  return samples;
}

}  // namespace

GrpoTrainer::GrpoTrainer(const config::Task& task, model::Decoder& decoder,
                         std::optional<model::LoraSettings> adapter, const PromptData& data,
                         const data::Encoder& encoder, std::vector<int32_t> eos_token_ids, fs::path run,
                         std::vector<std::unique_ptr<rewards::Reward>> extra_rewards)
    : task_(task),
      decoder_(decoder),
      adapter_(std::move(adapter)),
      data_(data),
      encoder_(encoder),
      run_(std::move(run)),
      rhythm_(rhythm(task)),
      optimizer_(make_optimizer(task.optim, make_trainable(decoder, adapter_ ? &*adapter_ : nullptr, task),
                                optimizer_settings(task))),
      rewards_(make_rewards(task)) {
  for (auto& reward : extra_rewards) rewards_.push_back(std::move(reward));
  if (task.beta.value_or(0.04) > 0) reference_.emplace(task, decoder, adapter_ ? &*adapter_ : nullptr);
  if (task.multi_turn_scheduler)
    environment_ = rewards::make_environment(*task.multi_turn_scheduler, task.environment_timeout);
  source_ = make_source(task, decoder, adapter_, data, encoder.tokenizer(), std::move(eos_token_ids), run_);
  const RoundSettings rounds = round_settings(task, decoder.spec.max_positions);
  maker_ = std::make_unique<RoundMaker>(rounds, data_.train, encoder_, *source_, environment_.get(), rewards_,
                                        prompt_sampler(task, data.train.size(), rounds.prompts));
  settings_.loss = loss_settings(task);
  settings_.temperature = rounds.rollout.sampling.temperature;
  settings_.overlong_filter = task.overlong_filter;
  settings_.want_entropy = task.log_entropy || task.top_entropy_quantile < 1;
  advantage_ = {task.advantage_estimator, task.scale_rewards.value_or("group"), rounds.weights,
                task.num_generations};
  if (environment_) advantage_.weights.push_back(1.0);
  const int64_t rounds_per_epoch =
      std::max<int64_t>(1, static_cast<int64_t>(data.train.size()) / rounds.prompts);
  steps_per_epoch_ = rhythm_.updates_per_round() > 0
                         ? rounds_per_epoch * rhythm_.updates_per_round()
                         : std::max<int64_t>(1, rounds_per_epoch / rhythm_.rounds_per_update());
  total_steps_ = count_steps(task, steps_per_epoch_);
  schedule_.emplace(task.lr_scheduler_type, total_steps_,
                    warmup_steps(total_steps_, task.warmup_steps, task.warmup_ratio),
                    schedule_arguments(task), task.learning_rate.value_or(1e-4));
  state_.fingerprint =
      fingerprint(task_, static_cast<int64_t>(data.train.size()), as_samples(data.train), total_steps_);
  describe(task_, rhythm_, state_.fingerprint);
}

GrpoTrainer::~GrpoTrainer() = default;

void GrpoTrainer::resume(const fs::path& checkpoint) {
  state_ = load_state(checkpoint, state_.fingerprint, *optimizer_);
  const fs::path file = checkpoint / "grpo_state.json";
  const Json json = base::read_json(file, ExitCode::model);
  try {
    next_round_ = json.at("next_round").get<int64_t>();
    dull_rounds_ = json.at("dull_rounds").get<int64_t>();
    bright_rounds_ = json.at("bright_rounds").get<int64_t>();
    log_ = MeanLog::from_json(json.at("log"));
    if (!json.at("round").is_null()) round_ = round_from_json(json.at("round"));
  } catch (const Json::exception& fault) {
    throw Error(ExitCode::model, cat("the checkpoint's state is malformed: ", fault.what()), {file.string()});
  }
  if (reference_) reference_->load(checkpoint);
  keep_completions(run_ / "completions.jsonl", state_.step);
  maker_->seek(state_.cursor);
  followed_ = -1;
  saved_step_ = state_.step;
  if (!state_.best_checkpoint.empty())
    state_.best_checkpoint = (run_ / fs::path(state_.best_checkpoint).filename()).string();
  reporter_.emplace(run_, !task_.report_to.empty() && task_.report_to[0] == "tensorboard", state_.step);
  reporter_->say(
      cat("resuming after step ", state_.step, " of ", total_steps_, " from ", checkpoint.string()));
}

double GrpoTrainer::now() const {
  return steady_seconds() - started_;
}

double GrpoTrainer::epochs_done() const {
  return static_cast<double>(state_.cursor.epoch) +
         static_cast<double>(state_.cursor.position) / static_cast<double>(data_.train.size());
}

Result GrpoTrainer::run() {
  if (!reporter_)
    reporter_.emplace(run_, !task_.report_to.empty() && task_.report_to[0] == "tensorboard", std::nullopt);
  started_ = steady_seconds() - state_.elapsed_seconds;
  try {
    if (state_.step == 0 && task_.eval_strategy.value_or("no") != "no") evaluate_if_due();
    while (state_.step < total_steps_) {
      train_step();
      if (base::stop_signal() != 0) return stop();
      after_step();
    }
  } catch (const Error& error) {
    if (is_signal(error)) return stop();
    // What has been learnt so far is not lost with a reward, an environment or a server.
    if (state_.step > 0) save();
    throw;
  }
  return finish(0);
}

Result GrpoTrainer::stop() {
  if (state_.step == 0) return finish(128 + base::stop_signal());
  reporter_->say("stopping: saving a checkpoint; press again to abort");
  save();
  return finish(128 + base::stop_signal());
}

// One optimizer step. When it throws, the state is that of before.
void GrpoTrainer::train_step() {
  const double begin = steady_seconds();
  const double learning_rate = task_.learning_rate.value_or(1e-4) * schedule_->factor(state_.step);
  const data::Cursor cursor = state_.cursor;
  const int64_t next_round = next_round_, used = round_ ? round_->used : 0;
  step_tokens_ = 0;
  step_generation_ = 0;
  LossSums sums;
  SamplerDifference difference;
  double grad_norm = 0;
  try {
    for (int64_t i = 0; i < rhythm_.accumulation; ++i) {
      if (!round_) begin_round();
      micro_batch(i, sums, difference);
      if (++round_->used == rhythm_.micro_batches() && i + 1 < rhythm_.accumulation) round_.reset();
    }
    last_loss_ = sums.loss;
    update(learning_rate, grad_norm);
  } catch (...) {
    optimizer_->zero_grad();
    state_.cursor = cursor;
    next_round_ = next_round;
    if (round_) round_->used = used;
    if (round_ && round_->index >= next_round) round_.reset();
    if (!ahead_.valid()) maker_->seek(cursor);
    throw;
  }
  round_metrics_ = round_->metrics;
  if (round_->used == rhythm_.micro_batches()) round_.reset();
  const double seconds = steady_seconds() - begin;
  speed_ = static_cast<double>(step_tokens_) / seconds;
  state_.loss_since_log += last_loss_;
  state_.steps_since_log += 1;
  state_.tokens_since_log += step_tokens_;
  state_.seconds_since_log += seconds;
  state_.tokens_seen += step_tokens_;
  state_.elapsed_seconds = now();
  log_step(grad_norm, learning_rate, sums, difference, step_generation_, seconds);
}

void GrpoTrainer::micro_batch(int64_t index, LossSums& sums, SamplerDifference& difference) {
  const auto count = static_cast<size_t>(rhythm_.micro_batch);
  const auto first = static_cast<size_t>(round_->used % rhythm_.passes_per_round) * count;
  const StepSize size{rhythm_.micro_batch * rhythm_.accumulation, rhythm_.accumulation,
                      round_->trained_tokens * static_cast<double>(rhythm_.rounds_per_update())};
  model::Pass pass;
  const base::Stream keys(static_cast<uint64_t>(task_.seed), base::Purpose::dropout,
                          static_cast<uint64_t>(state_.step));
  // disable_dropout is true for grpo unless the user wants otherwise: dropout would move the ratio off 1.
  if (!task_.disable_dropout.value_or(true)) pass.dropout_key = keys.bits(static_cast<uint64_t>(index)) | 1U;
  pass.recompute = task_.gradient_checkpointing;
  settings_.compare_sampler = round_->update == state_.step && pass.dropout_key.none();
  const MicroBatchResult result =
      micro_batch_loss(decoder_, *round_, data_.train, first, count, settings_, size, pass, sums, difference);
  if (result.loss.defined()) result.loss.backward();
  step_tokens_ += result.tokens;
}

void GrpoTrainer::update(double learning_rate, double& grad_norm) {
  grad_norm = optimizer_->clip(task_.max_grad_norm).item<double>();
  if (!std::isfinite(last_loss_) || !std::isfinite(grad_norm)) {
    throw Error(ExitCode::failure,
                cat("the loss is not finite at step ", state_.step + 1, " (loss ", last_loss_,
                    ", gradient norm ", grad_norm, ")"),
                {}, "lower learning_rate or use torch_dtype: float32; earlier checkpoints are unharmed");
  }
  optimizer_->step(learning_rate);
  model::refresh_norms(decoder_);
  optimizer_->zero_grad();
  ++state_.step;
  if (reference_ && task_.sync_ref_model && state_.step % task_.ref_model_sync_steps == 0)
    reference_->sync(decoder_, task_.ref_model_mixup_alpha);
}

GrpoTrainer::Made GrpoTrainer::make_round(int64_t index, int64_t update) {
  Made made{maker_->make(index, update), {}};
  made.after = maker_->cursor();
  return made;
}

void GrpoTrainer::begin_round() {
  const double begin = steady_seconds();
  if (!ahead_.valid() && followed_ != state_.step) source_->follow(followed_ = state_.step);
  Made made = ahead_.valid() ? ahead_.get() : make_round(next_round_, followed_);
  next_round_ = made.round.index + 1;
  state_.cursor = made.after;
  step_generation_ += steady_seconds() - begin;
  finish_round(made.round);
  round_ = std::move(made.round);
  launch_ahead();
}

// The next round is made while this one is trained on, as soon as its weights will be young enough.
void GrpoTrainer::launch_ahead() {
  if (!task_.async_generate || ahead_.valid() || !round_) return;
  const int64_t left = std::max<int64_t>(
      1, (rhythm_.micro_batches() - round_->used + rhythm_.accumulation - 1) / rhythm_.accumulation);
  if (left > task_.async_max_staleness || state_.step + left >= total_steps_) return;
  if (followed_ != state_.step) source_->follow(followed_ = state_.step);
  ahead_ = std::async(std::launch::async,
                      [this, index = next_round_, update = followed_] { return make_round(index, update); });
}

}  // namespace swift::train::grpo
