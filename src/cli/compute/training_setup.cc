#include "cli/compute/training_setup.h"

#include "base/format.h"
#include "base/log.h"
#include "cli/compute/loading.h"
#include "model/families.h"
#include "model/load.h"
#include "model/vocabulary_adapter.h"
#include "train/parameters.h"

namespace swift::cli {
namespace fs = std::filesystem;
using base::cat;

model::Decoder load_weights(const config::Task& task, const std::optional<fs::path>& checkpoint) {
  const auto dtype = model::parse_dtype(task.torch_dtype);
  if (checkpoint && task.tuner_type == "full") return model::load_decoder(*checkpoint, dtype);
  if (task.train_from_scratch) {
    const auto own = model::parse_dtype(model::HfConfig::read(task.model).dtype());
    return model::random_decoder(task.model, dtype ? *dtype : own.value_or(at::kFloat),
                                 static_cast<uint64_t>(task.seed));
  }
  model::Decoder decoder = model::load_decoder(task.model, dtype, base_quantization(task));
  if (task.tuner_type == "full" && model::HfConfig::read(task.model).has("quantization_config")) {
    throw base::Error(base::ExitCode::usage,
                      "tuner_type: full cannot train packed weights, and the model has them", {task.model},
                      "set tuner_type: lora (QLoRA), or train the model that it was made from");
  }
  return decoder;
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

}  // namespace swift::cli
