// The training loop of GRPO: rounds of completions, updates on them, evaluation, logs, checkpoints. A
// checkpoint in the middle of a round keeps its completions, so that resuming is bit-exact.
#pragma once
#include <fstream>
#include <future>
#include <optional>

#include "train/grpo/grpo_data.h"
#include "train/grpo/grpo_setup.h"
#include "train/grpo/mean_log.h"
#include "train/grpo/micro_batch.h"
#include "train/grpo/reference.h"
#include "train/trainer.h"

namespace swift::train::grpo {

class GrpoTrainer {
 public:
  // decoder: its trained tensors become leaves. adapter: settings of the attached LoRA, or nothing for full
  // tuning. encoder, data and eos_token_ids are of the model; run: an existing directory. All references must
  // outlive it. extra_rewards: reward models, behind those of reward_funcs. Throws base::Error.
  GrpoTrainer(const config::Task& task, model::Decoder& decoder, std::optional<model::LoraSettings> adapter,
              const PromptData& data, const data::Encoder& encoder, std::vector<int32_t> eos_token_ids,
              std::filesystem::path run, std::vector<std::unique_ptr<rewards::Reward>> extra_rewards = {});
  ~GrpoTrainer();

  // Continues from a checkpoint of this run; the weights must already be those of the checkpoint.
  void resume(const std::filesystem::path& checkpoint);
  Result run();

  int64_t total_steps() const { return total_steps_; }
  const TrainerState& state() const { return state_; }

 private:
  struct Made {  // by the sampler, maybe ahead of its use
    Round round;
    data::Cursor after;
  };
  void train_step();
  void begin_round();
  Made make_round(int64_t index, int64_t update);
  void launch_ahead();
  void finish_round(Round& round);
  void score_policies(Round& round);
  void tell_of_round(const Round& round);
  void watch_rewards(const Round& round);
  void micro_batch(int64_t index, LossSums& sums, SamplerDifference& difference);
  void update(double learning_rate, double& grad_norm);
  void log_step(double grad_norm, double learning_rate, const LossSums& sums,
                const SamplerDifference& difference, double generation, double seconds);
  void after_step();
  void evaluate_if_due();
  bool due(const std::string& strategy, int64_t every) const;
  bool saving_due() const;
  void save();
  Result stop();
  Result finish(int exit_code);
  double now() const;
  double epochs_done() const;

  config::Task task_;
  model::Decoder& decoder_;
  std::optional<model::LoraSettings> adapter_;
  const PromptData& data_;
  const data::Encoder& encoder_;
  std::filesystem::path run_;
  Rhythm rhythm_;
  MicroBatchSettings settings_;
  AdvantageSettings advantage_;
  std::unique_ptr<Optimizer> optimizer_;
  std::optional<Reference> reference_;
  std::vector<std::unique_ptr<rewards::Reward>> rewards_;
  std::unique_ptr<rewards::Environment> environment_;
  std::unique_ptr<CompletionSource> source_;
  std::unique_ptr<RoundMaker> maker_;
  int64_t steps_per_epoch_ = 1;
  int64_t total_steps_ = 1;
  std::optional<Schedule> schedule_;

  TrainerState state_;          // cursor: behind the prompts of round_
  std::optional<Round> round_;  // in use
  std::future<Made> ahead_;     // the next round, with async_generate
  int64_t next_round_ = 0;
  int64_t followed_ = 0;  // updates that the sampler has seen
  int64_t step_tokens_ = 0;
  double step_generation_ = 0;
  int64_t dull_rounds_ = 0;    // in a row, whose rewards were all equal
  int64_t bright_rounds_ = 0;  // the others, of the run
  MeanLog log_;
  base::Json round_metrics_ = base::Json::object();  // of the round last used
  std::optional<Reporter> reporter_;
  std::ofstream completions_;
  double started_ = 0;
  int64_t saved_step_ = -1;
  double last_loss_ = 0, speed_ = 0;
};

}  // namespace swift::train::grpo
