#include <algorithm>
#include <filesystem>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "cli/compute/device.h"
#include "cli/compute/loading.h"
#include "cli/compute/training_setup.h"
#include "cli/compute/verbs.h"
#include "config/serialize.h"
#include "model/families.h"
#include "model/placement.h"
#include "train/grpo/grpo_trainer.h"
#include "train/grpo/model_reward.h"
#include "train/prepare.h"
#include "train/run_directory.h"

namespace swift::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* kStoppedEarly = "stopped before the first step; nothing was saved";

// What ends a completion: the model's ends of text, and those of a turn in its template.
std::vector<int32_t> ends_of(const text::ModelText& text, const data::Encoder& encoder) {
  std::vector<int32_t> ids = text.eos_token_ids;
  for (const int32_t id : encoder.end_ids())
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  return ids;
}

train::Result run_trainer(train::grpo::GrpoTrainer& trainer, const fs::path& run) {
  try {
    return trainer.run();
  } catch (...) {
    const auto kept = train::checkpoints_of(run);
    if (!kept.empty()) base::log::warn("the last complete checkpoint is " + kept.back().string());
    throw;
  }
}

}  // namespace

int train_grpo(const config::Task& task) {
  base::install_stop_handlers();
  train::grpo::make_rewards(task);  // a mistake in a setting is found before the model is loaded
  const model::ModelSpec spec = model::read_spec(model::HfConfig::read(task.model));
  const text::ModelText text = load_text(task);
  const data::Encoder encoder = train::make_encoder(task, text, spec.max_positions);
  const auto checkpoint = train::find_resume_checkpoint(task);
  if (task.resume_from_checkpoint && !checkpoint)
    base::log::warn("no checkpoint to resume from; starting a new run");
  const bool resumes = checkpoint && !task.resume_only_model;
  if (!resumes) train::check_output_directory(task);
  const train::grpo::PromptData data = train::grpo::load_prompts(task, encoder, spec.max_positions);
  base::stop_if_asked(kStoppedEarly);
  const at::Device device = compute_device(task);
  std::vector<std::unique_ptr<train::rewards::Reward>> models;
  for (const std::string& directory : task.reward_model)
    models.push_back(train::grpo::make_model_reward(directory, task.torch_dtype, device));
  model::Decoder decoder = load_weights(task, checkpoint);
  fit_vocabulary(task, text.tokenizer, decoder);
  const auto adapter = attach_adapter(task, decoder, checkpoint);
  describe(decoder, adapter, task);
  model::move_to(decoder, device);
  base::stop_if_asked(kStoppedEarly);
  const fs::path run = resumes ? checkpoint->parent_path() : train::create_run_directory(task);
  if (resumes) train::remove_leftovers(run);
  base::write_file_atomic(run / "args.json", config::to_json(task).dump(2) + "\n");
  base::log::info("run directory: " + run.string());
  train::grpo::GrpoTrainer trainer(task, decoder, adapter, data, encoder, ends_of(text, encoder), run,
                                   std::move(models));
  if (resumes) trainer.resume(*checkpoint);
  const train::Result result = run_trainer(trainer, run);
  base::log::info("last checkpoint: " + result.last_checkpoint.string());
  return result.exit_code;
}

}  // namespace swift::cli
