#include "config/names.h"

#include <algorithm>

#include "base/suggest.h"

namespace swift::config {
namespace {

// Arguments of ms-swift 4 (reference list of its documentation) without a field here.
constexpr std::string_view kNotHere[] = {
    "model_revision",
    "model_name",
    "model_author",
    "model_kwargs",
    "task_type",
    "num_labels",
    "problem_type",
    "tuner_backend",
    "attn_impl",
    "rope_scaling",
    "max_model_len",
    "device_map",
    "max_memory",
    "ddp_timeout",
    "external_plugins",
    "custom_register_path",
    "use_hf",
    "hub_token",
    "check_model",
    "push_to_hub",
    "hub_model_id",
    "hub_private_repo",
    "interleave_prob",
    "stopping_strategy",
    "cached_dataset",
    "to_cached_dataset",
    "remove_unused_columns",
    "template",
    "max_pixels",
    "norm_bbox",
    "agent_template",
    "padding_side",
    "padding_free",
    "packing_strategy",
    "packing_num_proc",
    "lazy_tokenize",
    "sequence_parallel_size",
    "template_backend",
    "add_non_thinking_prefix",
    "preserve_thinking",
    "response_prefix",
    "num_beams",
    "bnb_4bit_quant_storage",
    "lora_dtype",
    "freeze_llm",
    "freeze_vit",
    "freeze_aligner",
    "vit_lr",
    "aligner_lr",
    "vit_gradient_checkpointing",
    "deepspeed",
    "fsdp",
    "use_liger_kernel",
    "ignore_data_skip",
    "predict_with_generate",
    "dataloader_pin_memory",
    "optimizer",
    "callbacks",
    "create_checkpoint_symlink",
    "infer_backend",
    "write_batch_size",
    "vllm_gpu_memory_utilization",
    "vllm_tensor_parallel_size",
    "vllm_pipeline_parallel_size",
    "vllm_data_parallel_size",
    "vllm_max_model_len",
    "vllm_max_num_seqs",
    "vllm_enforce_eager",
    "vllm_limit_mm_per_prompt",
    "vllm_max_lora_rank",
    "vllm_enable_prefix_caching",
    "vllm_engine_kwargs",
    "eval_backend",
    "eval_dataset",
    "eval_limit",
    "eval_output_dir",
    "eval_num_proc",
    "eval_url",
    "use_vllm",
    "vllm_mode",
    "micro_batch_size",
    "global_batch_size",
    "tensor_model_parallel_size",
    "pipeline_model_parallel_size",
    "context_parallel_size",
    "expert_model_parallel_size",
    "sequence_parallel",
    "recompute_granularity",
    "lr_warmup_fraction",
    "min_lr",
    "train_iters",
    "fp16",
    "bf16",
    "run_name",
    "save_safetensors",
    "logging_dir",
    "logging_strategy",
    "eval_on_start",
    "average_tokens_across_devices",
    "adalora_target_r",
    "lisa_activated_layers",
    "llamapro_num_new_blocks",
};

}  // namespace

const std::vector<Alias>& aliases() {
  static const std::vector<Alias> kAliases = {
      {"train_type", "tuner_type", true},
      {"sft_type", "tuner_type", true},
      {"lora_target_modules", "target_modules", true},
      {"lora_modules_to_save", "modules_to_save", true},
      {"lora_dropout_p", "lora_dropout", true},
      {"batch_size", "per_device_train_batch_size", true},
      {"eval_batch_size", "per_device_eval_batch_size", true},
      {"dtype", "torch_dtype", true},
      {"max_tokens", "max_new_tokens", true},
      {"rlhf_type", "method", false},
      {"mask_truncated_completions", "overlong_filter", false},
      {"vllm_server_base_url", "base_url", false},
  };
  return kAliases;
}

const Alias* find_alias(std::string_view name) {
  const auto found =
      std::find_if(aliases().begin(), aliases().end(), [&](const Alias& a) { return a.name == name; });
  return found == aliases().end() ? nullptr : &*found;
}

std::optional<std::string> refusal(std::string_view name) {
  if (name == "ENV") {
    return std::string("the ENV map is not supported; set environment variables before starting swift");
  }
  if (std::find(std::begin(kNotHere), std::end(kNotHere), name) != std::end(kNotHere)) {
    return "'" + std::string(name) +
           "' is an ms-swift argument that this version does not have yet; remove it";
  }
  return std::nullopt;
}

std::string unknown_name(std::string_view what, std::string_view name, const std::vector<Field>& known,
                         std::string_view dash) {
  std::vector<std::string> names = {"deploy"};
  for (const Field& field : known) names.emplace_back(field.key);
  for (const Alias& alias : aliases()) {
    if (!alias.deprecated) names.emplace_back(alias.name);
  }
  const auto near = base::nearest(name, names);
  const std::string dashes(dash);
  return "unknown " + std::string(what) + " '" + dashes + std::string(name) + "'" +
         (near ? "; did you mean '" + dashes + *near + "'?" : "");
}

}  // namespace swift::config
