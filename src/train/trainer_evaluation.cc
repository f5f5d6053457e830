// Evaluation in the course of a run, and the best checkpoint by it.
#include "base/format.h"
#include "base/signals.h"
#include "train/best_model.h"
#include "train/pack_loss.h"
#include "train/trainer.h"

namespace swift::train {
using base::cat;
using base::Json;

bool Trainer::evaluation_due() const {
  return has_validation() && state_.evaluated_step != state_.step &&
         due(task_.eval_strategy.value_or("no"), task_.eval_steps.value_or(task_.save_steps));
}

bool Trainer::has_validation() const {
  return objective_ ? objective_->has_validation() : !validation_.empty();
}

void Trainer::evaluate_if_due() {
  if (evaluation_due()) run_evaluation();
}

double Trainer::evaluate(std::span<const data::Sample> samples, ChannelLoss* channels) {
  at::NoGradGuard no_grad;
  double sum = 0;
  int64_t trained = 0;
  for (size_t first = 0; first < samples.size() && base::stop_signal() == 0;) {
    data::Pack pack;
    const size_t last =
        std::min(samples.size(), first + static_cast<size_t>(task_.per_device_eval_batch_size));
    for (; first < last; ++first) data::append(pack, samples[first]);
    model::PackedContext attention(pack.cu_seqlens);
    sum += pack_loss(decoder_, pack, attention, 1.0, {}, {}, channels).item<double>();
    trained += pack.trained_tokens;
  }
  return sum / static_cast<double>(std::max<int64_t>(1, trained));
}

void Trainer::run_evaluation() {
  const double begin = now();
  Json line = measure();
  if (line.is_null()) return;  // a partial evaluation says nothing
  const double metric = best_metric_of(task_, line);
  state_.evaluated_step = state_.step;
  ++state_.stale_evaluations;
  if (is_better(task_, metric, state_.best_metric)) {
    state_.best_metric = metric;
    state_.stale_evaluations = 0;
  }
  // Only what is kept can be the best checkpoint.
  const bool kept = saved_step_ == state_.step || saving_due();
  if (kept && is_better(task_, metric, state_.best_checkpoint_metric)) {
    state_.best_checkpoint_metric = metric;
    state_.best_checkpoint = (run_ / cat("checkpoint-", state_.step)).string();
  }
  const double seconds = now() - begin;
  started_ += seconds;
  line["epoch"] = batches_->epochs_done();
  line["eval_seconds"] = seconds;
  reporter_->metrics(state_.step, line);
  reporter_->say(cat("step ", state_.step, ": eval_loss ", line.at("eval_loss").get<double>()));
}

Json Trainer::measure() {
  if (objective_) return objective_->evaluate();
  ChannelLoss channels;
  const double loss = evaluate(validation_, task_.enable_channel_loss ? &channels : nullptr);
  if (base::stop_signal() != 0) return nullptr;
  Json line = {{"eval_loss", loss}};
  line.update(channels.means("eval_"));
  return line;
}

}  // namespace swift::train
