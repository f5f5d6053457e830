// The training loop of pt and sft: forward, chunked loss, backward, clip, update; evaluation, logs,
// checkpoints.
#pragma once
#include <filesystem>
#include <optional>
#include <span>

#include "config/task.h"
#include "data/sample.h"
#include "model/activation_store.h"
#include "model/adapter.h"
#include "train/batches.h"
#include "train/checkpoint.h"
#include "train/layerwise.h"
#include "train/objective.h"
#include "train/offload.h"
#include "train/report/schedule.h"
#include "train/reporter.h"
#include "train/step_graphs.h"

namespace swift::train {

struct Result {
  int exit_code = 0;                      // 0, or 128 + the signal that stopped the run after a checkpoint
  std::filesystem::path last_checkpoint;  // with load_best_model_at_end the best one
  std::filesystem::path best_checkpoint;
};

class Trainer {
 public:
  // adapter: settings of the attached LoRA, or nothing for full tuning. The decoder's trained tensors become
  // leaves. run: an existing directory. samples and validation must outlive this.
  Trainer(const config::Task& task, model::Decoder& decoder, std::optional<model::LoraSettings> adapter,
          std::span<const data::Sample> samples, std::span<const data::Sample> validation,
          std::filesystem::path run);
  // The same with batches from elsewhere. Where their number in an epoch is not known, max_steps must be
  // given.
  Trainer(const config::Task& task, model::Decoder& decoder, std::optional<model::LoraSettings> adapter,
          std::unique_ptr<StepSource> batches, std::span<const data::Sample> validation,
          std::filesystem::path run);
  // With another loss than that of tokens, and validation data of its own.
  Trainer(const config::Task& task, model::Decoder& decoder, std::optional<model::LoraSettings> adapter,
          std::unique_ptr<StepSource> batches, std::unique_ptr<Objective> objective,
          std::filesystem::path run);

  // Continues from a checkpoint of this run; the weights must already be those of the checkpoint.
  void resume(const std::filesystem::path& checkpoint);
  Result run();

  // Token-normalised loss of samples without training on them; by channel too where channels is given.
  double evaluate(std::span<const data::Sample> samples, ChannelLoss* channels = nullptr);
  int64_t total_steps() const { return total_steps_; }
  // Micro-batches that a device was given as a whole.
  int64_t graph_replays() const { return graphs_ ? graphs_->replays() : 0; }

 private:
  // One optimizer step; false when a signal cut it off and nothing of it was kept.
  bool train_step();
  // Of a step's micro-batches, each its share, with that of the routers: () where it was computed.
  struct Losses {
    std::vector<at::Tensor> parts;
  };
  // Losses, and gradients; nothing when a signal cut them off.
  std::optional<Losses> accumulate(const StepBatch& batch);
  // The same; a device that is out of memory halves the micro-batches, and those to come, where the task
  // asks for it.
  std::optional<Losses> accumulate_what_fits(StepBatch& batch);
  // Sets last_loss_ and returns the norm.
  double read(const Losses& losses, const at::Tensor& norm);
  void log_step(double grad_norm, double learning_rate);
  void after_step();
  bool stopped_early() const;
  void save();
  bool evaluation_due() const;
  void evaluate_if_due();
  void run_evaluation();
  // {"eval_loss", …}; null when a signal cut it off.
  base::Json measure();
  bool has_validation() const;
  // Loss of one micro-batch, with its graph.
  at::Tensor micro_loss(const StepBatch& batch, size_t index, const model::Pass& pass, ChannelLoss& channels);
  double loss_scale(const StepBatch& batch) const;
  bool saving_due() const;
  // Puts the best checkpoint's weights into the model and makes it the run's last one.
  void load_best(Result& result);
  bool due(const std::string& strategy, int64_t every) const;
  Result stop();
  Result finish(int exit_code);
  double now() const;

  config::Task task_;
  model::Decoder& decoder_;
  std::optional<model::LoraSettings> adapter_;
  std::span<const data::Sample> validation_;
  std::filesystem::path run_;
  std::unique_ptr<StepSource> batches_;
  std::unique_ptr<Objective> objective_;             // null: the loss of tokens
  std::optional<model::PackedContext> attention_;    // of the loss of tokens; the backward pass reads it
  std::unique_ptr<OffloadedState> offloaded_state_;  // null: the optimizer stays in memory
  std::unique_ptr<model::ActivationStore> activation_store_;  // null: block inputs stay in memory
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<LayerwiseUpdates> layerwise_;  // updates happen in the backward pass
  std::unique_ptr<StepGraphs> graphs_;         // null: micro-batches are computed piece by piece
  int64_t total_steps_;
  Schedule schedule_;
  TrainerState state_;
  std::optional<Reporter> reporter_;
  double started_ = 0;  // clock at which step 0 began, less the time of earlier starts
  int64_t saved_step_ = -1;
  int halvings_ = 0;  // of each step's micro-batches
  double last_loss_ = 0;
  double speed_ = 0;  // tokens per second of the last step
};

}  // namespace swift::train
