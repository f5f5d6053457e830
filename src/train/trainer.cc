#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <csignal>

#include "base/format.h"
#include "base/rng.h"
#include "base/signals.h"
#include "ops/linear_cross_entropy.h"
#include "train/optimizers/table.h"
#include "train/parameters.h"
#include "train/run_directory.h"

namespace swift::train {
namespace fs = std::filesystem;
using at::Tensor;
using base::cat;
using base::Json;
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

BatchSettings batch_settings(const config::Task& task, const model::ModelSpec& spec) {
  BatchSettings settings;
  settings.batch_size = task.per_device_train_batch_size;
  settings.accumulation = task.gradient_accumulation_steps.value_or(1);
  settings.packing = task.packing;
  settings.packing_length = task.packing_length.value_or(task.max_length.value_or(spec.max_positions));
  settings.shuffle = task.dataset_shuffle;
  settings.seed = static_cast<uint64_t>(task.data_seed);
  return settings;
}

int64_t count_steps(const config::Task& task, const Batches& batches) {
  if (task.max_steps > 0) return task.max_steps;
  return std::max<int64_t>(1, static_cast<int64_t>(std::ceil(
                                  task.num_train_epochs * static_cast<double>(batches.steps_per_epoch()))));
}

Tensor labels_of(const data::Pack& pack) {
  Tensor labels = at::empty({static_cast<int64_t>(pack.labels.size())}, at::kLong);
  std::copy(pack.labels.begin(), pack.labels.end(), labels.data_ptr<int64_t>());
  return labels;
}

// Sum of cross entropies times scale, fp32 scalar.
Tensor pack_loss(const model::Decoder& decoder, const data::Pack& pack, model::AttentionContext& attention,
                 double scale, const model::Pass& pass, const ops::LossShape& shape = {}) {
  const Tensor h = decoder.hidden_states(pack.input_ids, pack.position_ids, attention, pass);
  return ops::LinearCrossEntropy::forward(h, decoder.lm_head, labels_of(pack), scale, shape);
}

// FNV-1a over ids and labels: tells one encoded dataset from another.
std::string contents_hash(std::span<const data::Sample> samples) {
  uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](int32_t value) {
    hash = (hash ^ static_cast<uint32_t>(value)) * 1099511628211ULL;
  };
  for (const data::Sample& sample : samples) {
    for (const int32_t id : sample.input_ids) mix(id);
    for (const int32_t label : sample.labels) mix(label);
    mix(-1);
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

Json schedule_arguments(const config::Task& task) {
  if (task.lr_scheduler_kwargs.empty()) return Json::object();
  return base::parse_json(task.lr_scheduler_kwargs, "lr_scheduler_kwargs", base::ExitCode::usage);
}

// What must be the same for a resumed run to continue the interrupted one.
Json fingerprint(const config::Task& task, const Batches& batches, std::span<const data::Sample> samples,
                 int64_t total_steps) {
  return {{"items", batches.items()},
          {"dataset contents", contents_hash(samples)},
          {"per_device_train_batch_size", task.per_device_train_batch_size},
          {"gradient_accumulation_steps", task.gradient_accumulation_steps.value_or(1)},
          {"packing", task.packing},
          {"dataset_shuffle", task.dataset_shuffle},
          {"data_seed", task.data_seed},
          {"seed", task.seed},
          {"tuner_type", task.tuner_type},
          {"torch_dtype", task.torch_dtype},
          {"learning_rate", task.learning_rate.value_or(0)},
          {"lr_scheduler_type", task.lr_scheduler_type},
          {"lr_scheduler_kwargs", schedule_arguments(task)},
          {"warmup_steps", warmup_steps(total_steps, task.warmup_steps, task.warmup_ratio)},
          {"optim", config::canonical_optim(task.optim)},
          {"optim_args", task.optim_args},
          {"weight_decay", task.weight_decay},
          {"adam_beta1", task.adam_beta1},
          {"adam_beta2", task.adam_beta2},
          {"adam_epsilon", task.adam_epsilon},
          {"max_grad_norm", task.max_grad_norm},
          {"neftune_noise_alpha", task.neftune_noise_alpha},
          {"label_smoothing_factor", task.label_smoothing_factor},
          {"z_loss_coef", task.z_loss_coef},
          {"enable_dft_loss", task.enable_dft_loss},
          {"total_steps", total_steps}};
}

Json galore_fingerprint(const config::Task& task) {
  return {{"galore_target_modules", task.galore_target_modules},
          {"galore_with_embedding", task.galore_with_embedding},
          {"galore_rank", task.galore_rank},
          {"galore_update_proj_gap", task.galore_update_proj_gap},
          {"galore_scale", task.galore_scale},
          {"galore_proj_type", task.galore_proj_type},
          {"galore_quantization", task.galore_quantization},
          {"galore_proj_quant", task.galore_proj_quant},
          {"galore_proj_group_size", task.galore_proj_group_size},
          {"galore_cos_threshold", task.galore_cos_threshold},
          {"galore_gamma_proj", task.galore_gamma_proj},
          {"galore_queue_size", task.galore_queue_size}};
}

// The adapter's own settings come from the checkpoint; others given now would have no effect.
Json adapter_fingerprint(const config::Task& task) {
  return {{"lora_rank", task.lora_rank},           {"lora_alpha", task.lora_alpha},
          {"lora_dropout", task.lora_dropout},     {"use_rslora", task.use_rslora},
          {"target_modules", task.target_modules}, {"modules_to_save", task.modules_to_save},
          {"init_weights", task.init_weights},     {"use_dora", task.use_dora},
          {"use_lora_fa", task.use_lora_fa},       {"lorap_lr_ratio", task.lorap_lr_ratio.value_or(1)},
          {"lora_bias", task.lora_bias},           {"rank_pattern", task.rank_pattern},
          {"alpha_pattern", task.alpha_pattern},   {"target_regex", task.target_regex.value_or("")}};
}

Json freeze_fingerprint(const config::Task& task) {
  return {{"freeze_parameters", task.freeze_parameters},
          {"freeze_parameters_regex", task.freeze_parameters_regex.value_or("")},
          {"freeze_parameters_ratio", task.freeze_parameters_ratio},
          {"trainable_parameters", task.trainable_parameters},
          {"trainable_parameters_regex", task.trainable_parameters_regex.value_or("")}};
}

}  // namespace

Trainer::Trainer(const config::Task& task, model::Decoder& decoder,
                 std::optional<model::LoraSettings> adapter, std::span<const data::Sample> samples,
                 std::span<const data::Sample> validation, fs::path run)
    : task_(task),
      decoder_(decoder),
      adapter_(std::move(adapter)),
      validation_(validation),
      run_(std::move(run)),
      batches_(samples, batch_settings(task, decoder.spec)),
      optimizer_(make_optimizer(task.optim, make_trainable(decoder, adapter_ ? &*adapter_ : nullptr, task),
                                optimizer_settings(task))),
      total_steps_(count_steps(task, batches_)),
      schedule_(task.lr_scheduler_type, total_steps_,
                warmup_steps(total_steps_, task.warmup_steps, task.warmup_ratio), schedule_arguments(task),
                task.learning_rate.value_or(1e-4)) {
  if (task.galore_optim_per_parameter) layerwise_.emplace(*optimizer_);
  state_.fingerprint = fingerprint(task_, batches_, samples, total_steps_);
  if (config::is_galore(task_.optim)) state_.fingerprint.update(galore_fingerprint(task_));
  state_.fingerprint.update(adapter_ ? adapter_fingerprint(task_) : freeze_fingerprint(task_));
}

void Trainer::resume(const fs::path& checkpoint) {
  state_ = load_state(checkpoint, state_.fingerprint, *optimizer_);
  batches_.seek(state_.cursor);
  saved_step_ = state_.step;
  reporter_.emplace(run_, !task_.report_to.empty() && task_.report_to[0] == "tensorboard", state_.step);
  reporter_->say(
      cat("resuming after step ", state_.step, " of ", total_steps_, " from ", checkpoint.string()));
}

double Trainer::now() const {
  return steady_seconds() - started_;
}

Result Trainer::run() {
  if (!reporter_)
    reporter_.emplace(run_, !task_.report_to.empty() && task_.report_to[0] == "tensorboard", std::nullopt);
  started_ = steady_seconds() - state_.elapsed_seconds;
  if (state_.step > 0) evaluate_if_due();  // the signal that ended the earlier start may have cut it off
  while (state_.step < total_steps_ && !stopped_early()) {
    if (!train_step()) return stop();
    if (base::stop_signal() != 0) return stop();
    after_step();
  }
  if (base::stop_signal() != 0 && evaluation_due()) return stop();
  if (stopped_early()) {
    reporter_->say(cat("stopped early at step ", state_.step, ": no better eval_loss in ",
                       state_.stale_evaluations, " evaluations"));
  }
  return finish(0);
}

Result Trainer::stop() {
  reporter_->say("stopping: saving a checkpoint; press again to abort");
  save();
  return finish(128 + base::stop_signal());
}

bool Trainer::train_step() {
  const double begin = steady_seconds();
  const StepBatch batch = batches_.next();
  const double learning_rate = task_.learning_rate.value_or(1e-4) * schedule_.factor(state_.step);
  if (layerwise_) layerwise_->begin(learning_rate);
  const auto loss = accumulate(batch);
  if (!loss) return false;
  last_loss_ = *loss;
  const double grad_norm = layerwise_ ? layerwise_->norm() : optimizer_->clip(task_.max_grad_norm);
  if (!std::isfinite(last_loss_) || !std::isfinite(grad_norm)) {
    throw base::Error(base::ExitCode::failure,
                      cat("the loss is not finite at step ", state_.step + 1, " (loss ", last_loss_,
                          ", gradient norm ", grad_norm, ")"),
                      {},
                      "lower learning_rate or use torch_dtype: float32; earlier checkpoints are unharmed");
  }
  optimizer_->step(learning_rate);
  model::refresh_norms(decoder_);
  optimizer_->zero_grad();
  ++state_.step;
  state_.cursor = batches_.cursor();
  const double seconds = steady_seconds() - begin;
  speed_ = static_cast<double>(batch.tokens) / seconds;
  state_.loss_since_log += last_loss_;
  state_.steps_since_log += 1;
  state_.tokens_since_log += batch.tokens;
  state_.seconds_since_log += seconds;
  state_.tokens_seen += batch.tokens;
  state_.elapsed_seconds = now();
  log_step(grad_norm, learning_rate);
  return true;
}

std::optional<double> Trainer::accumulate(const StepBatch& batch) {
  double loss = 0;
  const double scale = 1.0 / static_cast<double>(std::max<int64_t>(1, batch.trained_tokens));
  const ops::LossShape shape{task_.label_smoothing_factor, task_.z_loss_coef, task_.enable_dft_loss};
  for (size_t i = 0; i < batch.micro_batches.size(); ++i) {
    // Whoever sent the signal waits only so long; the step before this one is as good to resume from.
    if (base::stop_signal() != 0 && state_.step > 0) {
      optimizer_->zero_grad();
      return std::nullopt;
    }
    const base::Stream keys(static_cast<uint64_t>(task_.seed), base::Purpose::dropout,
                            static_cast<uint64_t>(state_.step));
    const model::Pass pass{keys.bits(i) | 1U, task_.gradient_checkpointing, task_.neftune_noise_alpha};
    model::PackedContext attention(batch.micro_batches[i].cu_seqlens);  // the backward pass reads it too
    const Tensor part = pack_loss(decoder_, batch.micro_batches[i], attention, scale, pass, shape);
    loss += part.item<double>();
    part.backward();
  }
  return loss;
}

void Trainer::log_step(double grad_norm, double learning_rate) {
  const double left = state_.elapsed_seconds / static_cast<double>(state_.step) *
                      static_cast<double>(total_steps_ - state_.step);
  reporter_->progress({state_.step, total_steps_, last_loss_, learning_rate, speed_, left}, steady_seconds());
  const bool first = state_.step == 1 && task_.logging_first_step;
  if (!first && state_.step % std::max<int64_t>(1, task_.logging_steps) != 0 && state_.step != total_steps_)
    return;
  reporter_->metrics(
      state_.step,
      {{"loss", state_.loss_since_log / static_cast<double>(state_.steps_since_log)},
       {"grad_norm", grad_norm},
       {"learning_rate", learning_rate},
       {"epoch", batches_.epochs_done()},
       {"global_step/max_steps", cat(state_.step, "/", total_steps_)},
       {"tokens_per_second", static_cast<double>(state_.tokens_since_log) / state_.seconds_since_log},
       {"elapsed_seconds", state_.elapsed_seconds},
       {"remaining_seconds", left},
       {"memory_gib", peak_memory_gib()}});
  state_.loss_since_log = state_.seconds_since_log = 0;
  state_.steps_since_log = state_.tokens_since_log = 0;
}

bool Trainer::due(const std::string& strategy, int64_t every) const {
  if (state_.step == total_steps_) return strategy != "no";
  if (strategy == "steps") return state_.step % std::max<int64_t>(1, every) == 0;
  return strategy == "epoch" && state_.step % batches_.steps_per_epoch() == 0;
}

bool Trainer::evaluation_due() const {
  return !validation_.empty() && state_.evaluated_step != state_.step &&
         due(task_.eval_strategy.value_or("no"), task_.eval_steps.value_or(task_.save_steps));
}

void Trainer::evaluate_if_due() {
  if (evaluation_due()) run_evaluation();
}

void Trainer::after_step() {
  evaluate_if_due();
  if (due(task_.save_strategy, task_.save_steps) || state_.step == total_steps_ || stopped_early()) save();
}

bool Trainer::stopped_early() const {
  return task_.early_stop_interval && state_.stale_evaluations >= *task_.early_stop_interval;
}

double Trainer::evaluate(std::span<const data::Sample> samples) {
  at::NoGradGuard no_grad;
  double sum = 0;
  int64_t trained = 0;
  for (size_t first = 0; first < samples.size() && base::stop_signal() == 0;) {
    data::Pack pack;
    const size_t last =
        std::min(samples.size(), first + static_cast<size_t>(task_.per_device_eval_batch_size));
    for (; first < last; ++first) data::append(pack, samples[first]);
    model::PackedContext attention(pack.cu_seqlens);
    sum += pack_loss(decoder_, pack, attention, 1.0, {}).item<double>();
    trained += pack.trained_tokens;
  }
  return sum / static_cast<double>(std::max<int64_t>(1, trained));
}

void Trainer::run_evaluation() {
  const double begin = steady_seconds();
  const double loss = evaluate(validation_);
  if (base::stop_signal() != 0) return;  // a partial evaluation says nothing
  state_.evaluated_step = state_.step;
  ++state_.stale_evaluations;
  if (!state_.best_metric || loss < *state_.best_metric) {
    state_.best_metric = loss;
    state_.stale_evaluations = 0;
    state_.best_checkpoint = (run_ / cat("checkpoint-", state_.step)).string();
  }
  started_ += steady_seconds() - begin;
  reporter_->metrics(
      state_.step,
      {{"eval_loss", loss}, {"epoch", batches_.epochs_done()}, {"eval_seconds", steady_seconds() - begin}});
  reporter_->say(cat("step ", state_.step, ": eval_loss ", loss));
}

void Trainer::save() {
  if (saved_step_ == state_.step) return;
  save_checkpoint(run_, task_, decoder_, adapter_ ? &*adapter_ : nullptr, *optimizer_, state_);
  saved_step_ = state_.step;
  reporter_->draw_curves();
  prune_checkpoints();
}

void Trainer::prune_checkpoints() const {
  if (!task_.save_total_limit) return;
  auto found = checkpoints_of(run_);
  auto surplus = static_cast<int64_t>(found.size()) - std::max<int64_t>(1, *task_.save_total_limit);
  for (const fs::path& checkpoint : found) {
    if (surplus <= 0) break;
    if (checkpoint.string() == state_.best_checkpoint || checkpoint == found.back()) continue;
    remove_checkpoint(checkpoint);
    --surplus;
  }
}

Result Trainer::finish(int exit_code) {
  Result result{exit_code, {}, {}};
  const auto found = checkpoints_of(run_);
  if (!found.empty()) result.last_checkpoint = found.back();
  result.best_checkpoint =
      fs::exists(state_.best_checkpoint) ? fs::path(state_.best_checkpoint) : result.last_checkpoint;
  reporter_->draw_curves();
  reporter_->close({{"last_model_checkpoint", result.last_checkpoint.string()},
                    {"best_model_checkpoint", result.best_checkpoint.string()},
                    {"best_metric", state_.best_metric ? Json(*state_.best_metric) : Json(nullptr)},
                    {"global_step", state_.step},
                    {"max_steps", total_steps_},
                    {"tokens", state_.tokens_seen},
                    {"train_seconds", state_.elapsed_seconds},
                    {"memory_gib", peak_memory_gib()}});
  return result;
}

}  // namespace swift::train
