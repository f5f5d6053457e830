#include <filesystem>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "cli/compute/device.h"
#include "cli/compute/loading.h"
#include "cli/compute/training_setup.h"
#include "cli/compute/verbs.h"
#include "config/alignment.h"
#include "config/serialize.h"
#include "model/families.h"
#include "model/placement.h"
#include "model/value_head.h"
#include "ops/device_ops.h"
#include "train/plan/preflight.h"
#include "train/preference/setup.h"
#include "train/prepare.h"
#include "train/run_directory.h"
#include "train/trainer.h"

namespace swift::cli {
namespace fs = std::filesystem;
using base::cat;
namespace {

constexpr const char* kStoppedEarly = "stopped before the first step; nothing was saved";

// What a run trains on: answers to compare, or tokens.
struct Rows {
  std::unique_ptr<const data::PreferenceDataset> preferences;  // null: tokens
  train::TrainingData tokens;
};

Rows prepare(const config::Task& task, const text::ModelText& text, const data::Encoder& encoder,
             int64_t max_positions) {
  if (config::is_preference(task.method)) return {train::preference::prepare_rows(task, text, encoder), {}};
  return {nullptr, train::prepare_data(task, text, encoder, max_positions)};
}

// Before anything large is loaded. Throws base::Error(device) when the run cannot fit.
// Returns the planned bytes.
int64_t show_plan(const config::Task& task, const train::BatchShape& batch, at::Device device) {
  const ops::DeviceOps* kernels = ops::device_ops(device);
  const bool here = kernels == nullptr;
  const train::Plan plan = train::plan_of(task, batch, here ? base::resident_bytes() : 0);
  base::log::info("memory plan:\n" + train::plan_table(plan));
  const base::MemoryLimit limit =
      here ? base::memory_limit()
           : base::MemoryLimit{kernels->free_bytes(), "free memory of " + device.str()};
  const std::string warning = train::check_fit(plan, task, limit);
  if (!warning.empty()) base::log::warn(warning);
  return plan.peak();
}

train::BatchShape largest_batch(const config::Task& task, const model::ModelSpec& spec, const Rows& rows) {
  if (rows.preferences) return train::preference::largest_batch(task, *rows.preferences, spec.max_positions);
  const auto& samples = rows.tokens.dataset.train;
  return samples.empty() ? train::assumed_batch(task, spec)  // streamed
                         : train::largest_batch(task, spec, samples);
}

train::Trainer make_trainer(const config::Task& task, model::Decoder& decoder,
                            const std::optional<model::LoraSettings>& adapter, Rows& rows,
                            const fs::path& run) {
  if (!rows.preferences)
    return {task, decoder, adapter, std::move(rows.tokens.steps), rows.tokens.dataset.validation, run};
  auto objective =
      train::preference::make_objective(task, decoder, adapter ? &*adapter : nullptr, *rows.preferences);
  auto steps = train::preference::make_steps(task, *rows.preferences, decoder.spec.max_positions);
  return {task, decoder, adapter, std::move(steps), std::move(objective), run};
}

void move(model::Decoder& decoder, at::Device device, int64_t planned) {
  try {
    model::move_to(decoder, device);
  } catch (const c10::OutOfMemoryError& error) {
    throw out_of_device_memory(planned, error);
  }
}

// A run that fails says what it has kept, and one that a device has no memory for what was planned.
train::Result run_trainer(train::Trainer& trainer, const fs::path& run, int64_t planned) {
  const auto say_kept = [&run] {
    const auto kept = train::checkpoints_of(run);
    if (!kept.empty()) base::log::warn("the last complete checkpoint is " + kept.back().string());
  };
  try {
    return trainer.run();
  } catch (const c10::OutOfMemoryError& error) {
    say_kept();
    throw out_of_device_memory(planned, error);
  } catch (...) {
    say_kept();
    throw;
  }
}

}  // namespace

int train(const config::Task& task) {
  if (task.method == "grpo") return train_grpo(task);
  base::install_stop_handlers();
  const model::ModelSpec spec = model::read_spec(model::HfConfig::read(task.model));
  const text::ModelText text = load_text(task);
  const data::Encoder encoder = train::make_encoder(task, text, spec.max_positions);
  const auto checkpoint = train::find_resume_checkpoint(task);
  if (task.resume_from_checkpoint && !checkpoint)
    base::log::warn("no checkpoint to resume from; starting a new run");
  const bool resumes = checkpoint && !task.resume_only_model;
  if (!resumes) train::check_output_directory(task);
  Rows rows = prepare(task, text, encoder, spec.max_positions);
  base::stop_if_asked(kStoppedEarly);
  const at::Device device = compute_device(task);
  const int64_t planned = show_plan(task, largest_batch(task, spec, rows), device);
  model::Decoder decoder = load_weights(task, checkpoint);
  fit_vocabulary(task, text.tokenizer, decoder);
  const auto adapter = attach_adapter(task, decoder, checkpoint);
  if (task.method == "rm")
    model::attach_value_head(decoder, adapter ? at::kFloat : decoder.dtype(),
                             static_cast<uint64_t>(task.seed));
  describe(decoder, adapter, task);
  move(decoder, device, planned);
  base::stop_if_asked(kStoppedEarly);
  const fs::path run = resumes ? checkpoint->parent_path() : train::create_run_directory(task);
  if (resumes) train::remove_leftovers(run);
  base::write_file_atomic(run / "args.json", config::to_json(task).dump(2) + "\n");
  base::log::info("run directory: " + run.string());
  train::Trainer trainer = make_trainer(task, decoder, adapter, rows, run);
  if (resumes) trainer.resume(*checkpoint);
  const train::Result result = run_trainer(trainer, run, planned);
  base::log::info("last checkpoint: " + result.last_checkpoint.string());
  return result.exit_code;
}

}  // namespace swift::cli
