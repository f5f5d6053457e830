#include <filesystem>

#include "base/file.h"
#include "base/format.h"
#include "base/log.h"
#include "base/signals.h"
#include "cli/compute/loading.h"
#include "cli/compute/verbs.h"
#include "config/serialize.h"
#include "model/families.h"
#include "model/load.h"
#include "model/vocabulary_adapter.h"
#include "train/parameters.h"
#include "train/plan/preflight.h"
#include "train/prepare.h"
#include "train/run_directory.h"
#include "train/trainer.h"

namespace swift::cli {
namespace fs = std::filesystem;
using base::cat;
namespace {

constexpr const char* kStoppedEarly = "stopped before the first step; nothing was saved";

model::Decoder load_weights(const config::Task& task, const std::optional<fs::path>& checkpoint) {
  const auto dtype = model::parse_dtype(task.torch_dtype);
  if (checkpoint && task.tuner_type == "full") return model::load_decoder(*checkpoint, dtype);
  if (task.train_from_scratch) {
    const auto own = model::parse_dtype(model::HfConfig::read(task.model).dtype());
    return model::random_decoder(task.model, dtype ? *dtype : own.value_or(at::kFloat),
                                 static_cast<uint64_t>(task.seed));
  }
  return model::load_decoder(task.model, dtype, base_quantization(task));
}

std::optional<model::LoraSettings> attach_adapter(const config::Task& task, model::Decoder& decoder,
                                                  const std::optional<fs::path>& checkpoint) {
  if (task.tuner_type != "lora") return std::nullopt;
  model::LoraSettings settings = train::lora_settings(task);
  if (!task.new_special_tokens.empty()) model::train_new_rows(decoder, settings);
  if (checkpoint || !task.adapters.empty()) {
    settings = checkpoint ? model::restore_adapter(decoder, settings, *checkpoint)
                          : model::load_adapter(decoder, task.adapters.front());
    if (task.use_dora && !settings.dora) {
      throw base::Error(base::ExitCode::usage,
                        "use_dora: the adapter to continue from has no DoRA magnitudes",
                        {checkpoint ? checkpoint->string() : task.adapters.front()},
                        "remove use_dora, or start a new adapter");
    }
    settings.dropout = task.lora_dropout;
    for (model::LinearLayer* linear : decoder.linears()) {
      if (linear->lora) linear->lora->dropout = task.lora_dropout;
    }
    if (decoder.head_lora) decoder.head_lora->dropout = task.lora_dropout;
    return settings;
  }
  model::attach_lora(decoder, settings, static_cast<uint64_t>(task.seed));
  return settings;
}

void describe(model::Decoder& decoder, const std::optional<model::LoraSettings>& adapter,
              const config::Task& task) {
  int64_t weights = 0;
  for (const auto& [name, tensor] : decoder.weights()) weights += tensor.numel();
  const int64_t trained = train::count_trained(decoder, adapter ? &*adapter : nullptr, task);
  base::log::info(cat(decoder.spec.architecture, ": ", static_cast<double>(weights) / 1e6,
                      " M parameters in ", model::dtype_name(decoder.dtype()), ", ",
                      static_cast<double>(trained) / 1e6, " M trained"));
}

// Before anything large is loaded. Throws base::Error(device) when the run cannot fit.
void show_plan(const config::Task& task, const model::ModelSpec& spec,
               const std::vector<data::Sample>& samples) {
  const train::BatchShape batch = samples.empty() ? train::assumed_batch(task, spec)  // streamed
                                                  : train::largest_batch(task, spec, samples);
  const train::Plan plan = train::plan_of(task, batch, base::resident_bytes());
  base::log::info("memory plan:\n" + train::plan_table(plan));
  const std::string warning = train::check_fit(plan, task, base::memory_limit());
  if (!warning.empty()) base::log::warn(warning);
}

// A run that fails says what it has kept.
train::Result run_trainer(train::Trainer& trainer, const fs::path& run) {
  try {
    return trainer.run();
  } catch (...) {
    const auto kept = train::checkpoints_of(run);
    if (!kept.empty()) base::log::warn("the last complete checkpoint is " + kept.back().string());
    throw;
  }
}

}  // namespace

int train(const config::Task& task) {
  base::install_stop_handlers();
  const model::ModelSpec spec = model::read_spec(model::HfConfig::read(task.model));
  const text::ModelText text = load_text(task);
  const data::Encoder encoder = train::make_encoder(task, text, spec.max_positions);
  const auto checkpoint = train::find_resume_checkpoint(task);
  if (task.resume_from_checkpoint && !checkpoint)
    base::log::warn("no checkpoint to resume from; starting a new run");
  const bool resumes = checkpoint && !task.resume_only_model;
  if (!resumes) train::check_output_directory(task);
  train::TrainingData data = train::prepare_data(task, text, encoder, spec.max_positions);
  base::stop_if_asked(kStoppedEarly);
  show_plan(task, spec, data.dataset.train);
  model::Decoder decoder = load_weights(task, checkpoint);
  fit_vocabulary(task, text.tokenizer, decoder);
  const auto adapter = attach_adapter(task, decoder, checkpoint);
  describe(decoder, adapter, task);
  base::stop_if_asked(kStoppedEarly);
  const fs::path run = resumes ? checkpoint->parent_path() : train::create_run_directory(task);
  if (resumes) train::remove_leftovers(run);
  base::write_file_atomic(run / "args.json", config::to_json(task).dump(2) + "\n");
  base::log::info("run directory: " + run.string());
  train::Trainer trainer(task, decoder, adapter, std::move(data.steps), data.dataset.validation, run);
  if (resumes) trainer.resume(*checkpoint);
  const train::Result result = run_trainer(trainer, run);
  base::log::info("last checkpoint: " + result.last_checkpoint.string());
  return result.exit_code;
}

}  // namespace swift::cli
