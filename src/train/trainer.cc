#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <csignal>

#include "base/file.h"
#include "base/format.h"
#include "base/rng.h"
#include "base/signals.h"
#include "train/best_model.h"
#include "train/fingerprint.h"
#include "train/halve_batch.h"
#include "train/optimizers/table.h"
#include "train/pack_loss.h"
#include "train/parameters.h"
#include "train/peak_memory.h"
#include "train/run_directory.h"
#include "train/steps.h"

namespace swift::train {
namespace fs = std::filesystem;
using at::Tensor;
using base::cat;
using base::Json;
namespace {

double steady_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

fs::path offload_directory(const config::Task& task, const fs::path& run) {
  if (!task.offload_dir) return run;
  base::ensure_writable_directory(*task.offload_dir);
  return *task.offload_dir;
}

std::unique_ptr<Optimizer> build_optimizer(const config::Task& task, std::vector<Parameter> parameters,
                                           OffloadedState* store) {
  const auto make = [&] {
    return make_optimizer(task.optim, std::move(parameters), optimizer_settings(task));
  };
  return store != nullptr ? store->build(make) : make();
}

// The adapter's settings keep their rate; it is not applied.
void stop_dropout(model::Decoder& decoder) {
  for (model::LinearLayer* linear : decoder.linears()) {
    if (linear->lora) linear->lora->dropout = 0;
  }
  if (decoder.embed_lora) decoder.embed_lora->dropout = 0;
  if (decoder.head_lora) decoder.head_lora->dropout = 0;
}

void check_router(const config::Task& task, const model::ModelSpec& spec) {
  if (task.router_aux_loss_coef == 0 || spec.moe.experts > 0) return;
  throw base::Error(
      base::ExitCode::usage,
      "router_aux_loss_coef needs a mixture of experts, but " + spec.architecture + " has no router", {},
      "remove router_aux_loss_coef");
}

}  // namespace

Trainer::Trainer(const config::Task& task, model::Decoder& decoder,
                 std::optional<model::LoraSettings> adapter, std::span<const data::Sample> samples,
                 std::span<const data::Sample> validation, fs::path run)
    : Trainer(task, decoder, std::move(adapter),
              std::make_unique<Batches>(samples, batch_settings(task, decoder.spec.max_positions)),
              validation, std::move(run)) {}

Trainer::Trainer(const config::Task& task, model::Decoder& decoder,
                 std::optional<model::LoraSettings> adapter, std::unique_ptr<StepSource> batches,
                 std::span<const data::Sample> validation, fs::path run)
    : task_(task),
      decoder_(decoder),
      adapter_(std::move(adapter)),
      validation_(validation),
      run_(std::move(run)),
      batches_(std::move(batches)),
      offloaded_state_(task.offload_optimizer ? file_offloaded_state(offload_directory(task, run_))
                                              : nullptr),
      activation_store_(task.offload_activations ? model::file_activation_store(offload_directory(task, run_))
                                                 : nullptr),
      optimizer_(build_optimizer(task, make_trainable(decoder, adapter_ ? &*adapter_ : nullptr, task),
                                 offloaded_state_.get())),
      total_steps_(count_steps(task, batches_->steps_per_epoch())),
      schedule_(task.lr_scheduler_type, total_steps_,
                warmup_steps(total_steps_, task.warmup_steps, task.warmup_ratio), schedule_arguments(task),
                task.learning_rate.value_or(1e-4)) {
  check_router(task, decoder.spec);
  if (task.disable_dropout.value_or(false)) stop_dropout(decoder);
  if (task.galore_optim_per_parameter) layerwise_.emplace(*optimizer_);
  graphs_ = StepGraphs::make(task, decoder);
  if (graphs_) optimizer_->keep_gradients();
  state_.fingerprint = fingerprint(task_, batches_->items(), batches_->samples(), total_steps_);
  batches_->describe(state_.fingerprint);
}

Trainer::Trainer(const config::Task& task, model::Decoder& decoder,
                 std::optional<model::LoraSettings> adapter, std::unique_ptr<StepSource> batches,
                 std::unique_ptr<Objective> objective, fs::path run)
    : Trainer(task, decoder, std::move(adapter), std::move(batches), std::span<const data::Sample>(),
              std::move(run)) {
  objective_ = std::move(objective);
  graphs_.reset();
}

void Trainer::resume(const fs::path& checkpoint) {
  state_ = load_state(checkpoint, state_.fingerprint, *optimizer_);
  if (objective_ && !state_.objective.is_null()) objective_->load_state(state_.objective);
  if (offloaded_state_) offloaded_state_->release();
  batches_->seek(state_.cursor);
  saved_step_ = state_.step;
  // The run may have been started under another spelling of its directory.
  if (!state_.best_checkpoint.empty())
    state_.best_checkpoint = (run_ / fs::path(state_.best_checkpoint).filename()).string();
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
  StepBatch batch = batches_->next();
  const double learning_rate = task_.learning_rate.value_or(1e-4) * schedule_.factor(state_.step);
  if (layerwise_) layerwise_->begin(learning_rate);
  const auto losses = accumulate_what_fits(batch);
  if (!losses) return false;
  const Tensor norm =
      layerwise_ ? at::scalar_tensor(layerwise_->norm(), at::kDouble) : optimizer_->clip(task_.max_grad_norm);
  const double grad_norm = read(*losses, norm);
  if (!std::isfinite(last_loss_) || !std::isfinite(grad_norm)) {
    throw base::Error(base::ExitCode::failure,
                      cat("the loss is not finite at step ", state_.step + 1, " (loss ", last_loss_,
                          ", gradient norm ", grad_norm, ")"),
                      {},
                      "lower learning_rate or use torch_dtype: float32; earlier checkpoints are unharmed");
  }
  step_offloaded(*optimizer_, learning_rate, offloaded_state_.get());
  model::refresh_norms(decoder_);
  optimizer_->zero_grad();
  ++state_.step;
  state_.cursor = batches_->cursor();
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

// One copy from a device tells the loss and the norm of the gradients.
double Trainer::read(const Losses& losses, const Tensor& norm) {
  std::vector<Tensor> all = losses.parts;
  all.push_back(norm.to(all.front().device()));
  for (Tensor& value : all) value = value.to(at::kDouble);
  const Tensor here = at::stack(all).cpu();
  const auto* values = here.const_data_ptr<double>();
  last_loss_ = 0;
  for (size_t i = 0; i < losses.parts.size(); ++i) last_loss_ += values[i];
  return values[losses.parts.size()];
}

std::optional<Trainer::Losses> Trainer::accumulate_what_fits(StepBatch& batch) {
  for (int i = 0; i < halvings_; ++i) halve(batch);
  while (true) {
    const Json metrics = objective_ && task_.auto_find_batch_size ? objective_->state() : Json(nullptr);
    try {
      return accumulate(batch);
    } catch (const c10::OutOfMemoryError&) {
      if (!task_.auto_find_batch_size || !halve(batch)) throw;
    }
    if (!metrics.is_null()) objective_->load_state(metrics);
    if (graphs_) graphs_->halve();
    optimizer_->zero_grad();
    ++halvings_;
    reporter_->say(cat("out of memory on the device: micro-batches are split in ", 1 << halvings_,
                       " from step ", state_.step + 1, " on; updates stay the same"));
  }
}

std::optional<Trainer::Losses> Trainer::accumulate(const StepBatch& batch) {
  Losses losses;
  ChannelLoss channels;
  for (size_t i = 0; i < batch.size(); ++i) {
    // Whoever sent the signal waits only so long; the step before this one is as good to resume from.
    if (base::stop_signal() != 0 && state_.step > 0) {
      optimizer_->zero_grad();
      return std::nullopt;
    }
    const base::Stream keys(static_cast<uint64_t>(task_.seed), base::Purpose::dropout,
                            static_cast<uint64_t>(state_.step));
    const uint64_t dropout_key = keys.bits(i) | 1U;
    if (graphs_ && graphs_->takes(batch.micro_batches[i])) {
      losses.parts.push_back(graphs_->run(batch.micro_batches[i], loss_scale(batch), dropout_key));
      continue;
    }
    const int64_t tile = task_.tiled_mlp ? task_.tiled_mlp_tokens.value_or(decoder_.spec.hidden) : 0;
    // A mean over the micro-batches, so that accumulation does not multiply it.
    model::RouterBalance balance(decoder_.spec.layers,
                                 task_.router_aux_loss_coef / static_cast<double>(batch.size()));
    const model::Pass pass{dropout_key,
                           task_.gradient_checkpointing,
                           task_.neftune_noise_alpha,
                           task_.router_aux_loss_coef > 0 ? &balance : nullptr,
                           activation_store_.get(),
                           tile};
    if (activation_store_) activation_store_->clear();
    const Tensor part = micro_loss(batch, i, pass, channels);
    losses.parts.push_back(part.detach());
    if (pass.balance != nullptr)
      losses.parts.back() = losses.parts.back() + balance.coefficient() * balance.loss();
    part.backward();
  }
  state_.channels_since_log.add(channels);
  return losses;
}

double Trainer::loss_scale(const StepBatch& batch) const {
  return 1.0 / static_cast<double>(std::max<int64_t>(1, batch.trained_tokens));
}

Tensor Trainer::micro_loss(const StepBatch& batch, size_t index, const model::Pass& pass,
                           ChannelLoss& channels) {
  if (objective_) return objective_->loss(batch, index, pass);
  const data::Pack& pack = batch.micro_batches[index];
  const ops::LossShape shape{task_.label_smoothing_factor, task_.z_loss_coef, task_.enable_dft_loss};
  attention_.emplace(pack.cu_seqlens);
  return pack_loss(decoder_, pack, *attention_, loss_scale(batch), pass, shape,
                   task_.enable_channel_loss ? &channels : nullptr);
}

void Trainer::log_step(double grad_norm, double learning_rate) {
  const double left = state_.elapsed_seconds / static_cast<double>(state_.step) *
                      static_cast<double>(total_steps_ - state_.step);
  reporter_->progress({state_.step, total_steps_, last_loss_, learning_rate, speed_, left}, steady_seconds());
  const bool first = state_.step == 1 && task_.logging_first_step;
  if (!first && state_.step % std::max<int64_t>(1, task_.logging_steps) != 0 && state_.step != total_steps_)
    return;
  Json line = {{"loss", state_.loss_since_log / static_cast<double>(state_.steps_since_log)},
               {"grad_norm", grad_norm},
               {"learning_rate", learning_rate},
               {"epoch", batches_->epochs_done()},
               {"global_step/max_steps", cat(state_.step, "/", total_steps_)},
               {"tokens_per_second", static_cast<double>(state_.tokens_since_log) / state_.seconds_since_log},
               {"elapsed_seconds", state_.elapsed_seconds},
               {"remaining_seconds", left},
               {"memory_gib", peak_memory_gib(decoder_.embed_tokens.device())}};
  line.update(state_.channels_since_log.means());
  if (objective_) line.update(objective_->take_metrics());
  reporter_->metrics(state_.step, line);
  state_.channels_since_log.clear();
  state_.loss_since_log = state_.seconds_since_log = 0;
  state_.steps_since_log = state_.tokens_since_log = 0;
}

bool Trainer::due(const std::string& strategy, int64_t every) const {
  if (state_.step == total_steps_) return strategy != "no";
  if (strategy == "steps") return state_.step % std::max<int64_t>(1, every) == 0;
  return strategy == "epoch" && state_.step % batches_->steps_per_epoch() == 0;
}

void Trainer::after_step() {
  evaluate_if_due();
  if (saving_due()) save();
}

bool Trainer::saving_due() const {
  return due(task_.save_strategy, task_.save_steps) || state_.step == total_steps_ || stopped_early();
}

bool Trainer::stopped_early() const {
  return task_.early_stop_interval && state_.stale_evaluations >= *task_.early_stop_interval;
}

void Trainer::save() {
  if (saved_step_ == state_.step) return;
  if (objective_) state_.objective = objective_->state();
  save_checkpoint(run_, task_, decoder_, adapter_ ? &*adapter_ : nullptr, *optimizer_, state_);
  if (offloaded_state_) offloaded_state_->release();
  saved_step_ = state_.step;
  reporter_->draw_curves();
  if (task_.save_total_limit) prune_checkpoints(run_, *task_.save_total_limit, state_.best_checkpoint);
}

void Trainer::load_best(Result& result) {
  if (result.best_checkpoint != result.last_checkpoint)
    restore_weights(decoder_, adapter_ ? &*adapter_ : nullptr, result.best_checkpoint);
  result.last_checkpoint = result.best_checkpoint;
  reporter_->say(cat("the model is that of the best checkpoint, ", result.best_checkpoint.string()));
}

Result Trainer::finish(int exit_code) {
  Result result{exit_code, {}, {}};
  const auto found = checkpoints_of(run_);
  if (!found.empty()) result.last_checkpoint = found.back();
  result.best_checkpoint =
      fs::exists(state_.best_checkpoint) ? fs::path(state_.best_checkpoint) : result.last_checkpoint;
  if (task_.load_best_model_at_end && exit_code == 0) load_best(result);
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

}  // namespace swift::train
