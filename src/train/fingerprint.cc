#include "train/fingerprint.h"

#include <array>
#include <bit>
#include <cstdio>

#include "config/alignment.h"
#include "config/optim.h"
#include "train/base_fingerprint.h"
#include "train/report/schedule.h"

namespace swift::train {
using base::Json;

Json schedule_arguments(const config::Task& task) {
  if (task.lr_scheduler_kwargs.empty()) return Json::object();
  return base::parse_json(task.lr_scheduler_kwargs, "lr_scheduler_kwargs", base::ExitCode::usage);
}

namespace {

// FNV-1a over ids and labels: tells one encoded dataset from another.
std::string contents_hash(std::span<const data::Sample> samples) {
  uint64_t hash = 14695981039346656037ULL;
  const auto mix = [&hash](int32_t value) {
    hash = (hash ^ static_cast<uint32_t>(value)) * 1099511628211ULL;
  };
  for (const data::Sample& sample : samples) {
    for (const int32_t id : sample.input_ids) mix(id);
    for (const int32_t label : sample.labels) mix(label);
    for (const float weight : sample.weights) mix(std::bit_cast<int32_t>(weight));
    mix(-1);
  }
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%016llx", static_cast<unsigned long long>(hash));
  return text.data();
}

Json run_fingerprint(const config::Task& task, int64_t items, std::span<const data::Sample> samples,
                     int64_t total_steps) {
  return {{"items", items},
          {"world_size", 1},  // processes
          {"model weights", base_fingerprint(task.model)},
          {"dataset contents", contents_hash(samples)},
          {"per_device_train_batch_size", task.per_device_train_batch_size},
          {"gradient_accumulation_steps", task.gradient_accumulation_steps.value_or(1)},
          {"packing", task.packing},
          {"dataset_shuffle", task.dataset_shuffle},
          {"data_seed", task.data_seed},
          {"seed", task.seed},
          {"tuner_type", task.tuner_type},
          {"torch_dtype", task.torch_dtype},
          {"learning_rate", task.learning_rate.value_or(0)},
          {"lr_scheduler_type", task.lr_scheduler_type},
          {"lr_scheduler_kwargs", schedule_arguments(task)},
          {"warmup_steps", warmup_steps(total_steps, task.warmup_steps, task.warmup_ratio)},
          {"optim", config::canonical_optim(task.optim)},
          {"optim_args", task.optim_args},
          {"weight_decay", task.weight_decay},
          {"adam_beta1", task.adam_beta1},
          {"adam_beta2", task.adam_beta2},
          {"adam_epsilon", task.adam_epsilon},
          {"max_grad_norm", task.max_grad_norm},
          {"neftune_noise_alpha", task.neftune_noise_alpha},
          {"label_smoothing_factor", task.label_smoothing_factor},
          {"z_loss_coef", task.z_loss_coef},
          {"enable_dft_loss", task.enable_dft_loss},
          {"router_aux_loss_coef", task.router_aux_loss_coef},
          {"total_steps", total_steps}};
}

Json galore_fingerprint(const config::Task& task) {
  return {{"galore_target_modules", task.galore_target_modules},
          {"galore_with_embedding", task.galore_with_embedding},
          {"galore_rank", task.galore_rank},
          {"galore_update_proj_gap", task.galore_update_proj_gap},
          {"galore_scale", task.galore_scale},
          {"galore_proj_type", task.galore_proj_type},
          {"galore_quantization", task.galore_quantization},
          {"galore_proj_quant", task.galore_proj_quant},
          {"galore_proj_group_size", task.galore_proj_group_size},
          {"galore_cos_threshold", task.galore_cos_threshold},
          {"galore_gamma_proj", task.galore_gamma_proj},
          {"galore_queue_size", task.galore_queue_size}};
}

// The adapter's own settings come from the checkpoint; others given now would have no effect.
Json adapter_fingerprint(const config::Task& task) {
  return {{"lora_rank", task.lora_rank},
          {"lora_alpha", task.lora_alpha},
          {"lora_dropout", task.lora_dropout},
          {"use_rslora", task.use_rslora},
          {"target_modules", task.target_modules},
          {"modules_to_save", task.modules_to_save},
          {"init_weights", task.init_weights},
          {"use_dora", task.use_dora},
          {"use_lora_fa", task.use_lora_fa},
          {"lorap_lr_ratio", task.lorap_lr_ratio.value_or(1)},
          {"lora_bias", task.lora_bias},
          {"rank_pattern", task.rank_pattern},
          {"quant_method", task.quant_method.value_or("")},
          {"quant_bits", task.quant_bits.value_or(0)},
          {"bnb_4bit_quant_type", task.bnb_4bit_quant_type},
          {"bnb_4bit_use_double_quant", task.bnb_4bit_use_double_quant},
          {"bnb_4bit_compute_dtype", task.bnb_4bit_compute_dtype.value_or("")},
          {"alpha_pattern", task.alpha_pattern},
          {"target_regex", task.target_regex.value_or("")}};
}

Json freeze_fingerprint(const config::Task& task) {
  return {{"freeze_parameters", task.freeze_parameters},
          {"freeze_parameters_regex", task.freeze_parameters_regex.value_or("")},
          {"freeze_parameters_ratio", task.freeze_parameters_ratio},
          {"trainable_parameters", task.trainable_parameters},
          {"trainable_parameters_regex", task.trainable_parameters_regex.value_or("")}};
}

Json preference_fingerprint(const config::Task& task) {
  return {{"method", task.method},
          {"loss_type", task.loss_type},
          {"loss_weights", task.loss_weights},
          {"beta", task.beta.value_or(0)},
          {"ref_model", task.ref_model.value_or("")},
          {"ref_adapters", task.ref_adapters},
          {"adapters", task.adapters},
          {"disable_dropout", task.disable_dropout.value_or(true)},
          {"label_smoothing", task.label_smoothing},
          {"f_divergence_type", task.f_divergence_type},
          {"f_alpha_divergence_coef", task.f_alpha_divergence_coef},
          {"discopop_tau", task.discopop_tau},
          {"reference_free", task.reference_free},
          {"rpo_alpha", task.rpo_alpha.value_or(0)},
          {"ld_alpha", task.ld_alpha.value_or(1)},
          {"precompute_ref_log_probs", task.precompute_ref_log_probs},
          {"desirable_weight", task.desirable_weight},
          {"undesirable_weight", task.undesirable_weight},
          {"cpo_alpha", task.cpo_alpha},
          {"simpo_gamma", task.simpo_gamma},
          {"center_rewards_coefficient", task.center_rewards_coefficient.value_or(0)}};
}

}  // namespace

Json fingerprint(const config::Task& task, int64_t items, std::span<const data::Sample> samples,
                 int64_t total_steps) {
  Json json = run_fingerprint(task, items, samples, total_steps);
  if (config::is_preference(task.method)) json.update(preference_fingerprint(task));
  if (config::is_galore(task.optim)) json.update(galore_fingerprint(task));
  json.update(task.tuner_type == "lora" ? adapter_fingerprint(task) : freeze_fingerprint(task));
  return json;
}

}  // namespace swift::train
