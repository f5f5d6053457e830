#include "train/optimizers/settings.h"

namespace swift::train {

OptimizerSettings optimizer_settings(const config::Task& task) {
  OptimizerSettings settings;
  settings.beta1 = task.adam_beta1;
  settings.beta2 = task.adam_beta2;
  settings.epsilon = task.adam_epsilon;
  settings.weight_decay = task.weight_decay;
  settings.seed = static_cast<uint64_t>(task.seed);
  settings.args = config::optim_args(task);
  GaloreSettings& galore = settings.galore;
  galore.targets = task.galore_target_modules;
  galore.with_embedding = task.galore_with_embedding;
  galore.rank = task.galore_rank;
  galore.update_gap = task.galore_update_proj_gap;
  galore.scale = task.galore_scale;
  galore.projection = task.galore_proj_type;
  galore.quantize_weights = task.galore_quantization;
  galore.quantize_projection = task.galore_proj_quant;
  galore.group_size = task.galore_proj_group_size;
  galore.cosine_threshold = task.galore_cos_threshold;
  galore.gap_growth = task.galore_gamma_proj;
  galore.queue_size = task.galore_queue_size;
  return settings;
}

}  // namespace swift::train
