// Checkpoints: the model or adapter in its public form plus what resuming needs, complete or absent.
#pragma once
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "base/json.h"
#include "config/task.h"
#include "data/sampler.h"
#include "model/adapter.h"
#include "train/channel_loss.h"
#include "train/optimizer.h"

namespace swift::train {

// Where a run stands, beside weights and optimizer. Random masks are functions of (seed, step), so there is
// no generator state.
struct TrainerState {
  int64_t step = 0;           // optimizer steps done
  data::Cursor cursor;        // next micro-batch
  double loss_since_log = 0;  // sum of step losses not yet logged
  int64_t steps_since_log = 0;
  int64_t tokens_since_log = 0;
  double seconds_since_log = 0;
  ChannelLoss channels_since_log;
  base::Json objective = nullptr;  // Objective::state()
  double elapsed_seconds = 0;
  int64_t tokens_seen = 0;
  int64_t evaluated_step = -1;  // last step whose validation loss was measured
  std::optional<double> best_metric;
  int64_t stale_evaluations = 0;  // since the best one
  std::string best_checkpoint;
  std::optional<double> best_checkpoint_metric;   // best_metric may be of a step that was not saved
  base::Json fingerprint = base::Json::object();  // settings and data that must not change on resuming
};

// Writes run/checkpoint-<step>. adapter: the LoRA run's settings, or null for full tuning. more: writes what
// else a method needs to resume into the directory, before it gets its name. Throws base::Error(failure);
// earlier checkpoints stay as they are.
std::filesystem::path save_checkpoint(const std::filesystem::path& run, const config::Task& task,
                                      model::Decoder& decoder, const model::LoraSettings* adapter,
                                      const Optimizer& optimizer, const TrainerState& state,
                                      const std::function<void(const std::filesystem::path&)>& more = {});

// Reads the state and the optimizer back. Throws base::Error(usage) when the fingerprint differs, naming what
// changed.
TrainerState load_state(const std::filesystem::path& checkpoint, const base::Json& fingerprint,
                        Optimizer& optimizer);

}  // namespace swift::train
