// Every setting of a task, flat: a member's name is its YAML key. Names and defaults are ms-swift's.
// Key, range, group and help of each member are declared once, in fields_*.cc.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/origin.h"

namespace swift::config {

// A nested part of the YAML: the values, and the place and the text as written of each by JSON pointer
// ("/service/port"). deploy.h gives it types.
struct Tree {
  base::Json value = base::Json::object();
  std::map<std::string, std::string> text;  // scalars
  std::map<std::string, base::Location> where;
};

struct Task {
  // Model
  std::string model;
  std::string model_type;
  std::string torch_dtype = "auto";
  std::vector<std::string> adapters;
  std::optional<bool> load_args;  // resolved: true for infer and export, false for training
  bool train_from_scratch = false;
  std::optional<std::string> chat_template;
  std::optional<std::string> system;
  bool use_chat_template = true;
  std::optional<bool> enable_thinking;
  std::vector<std::string> new_special_tokens;
  int64_t seed = 42;
  int64_t data_seed = 42;
  int64_t num_threads = 0;  // 0: all cores
  std::string device = "auto";

  // Data
  std::vector<std::string> dataset;
  std::vector<std::string> val_dataset;
  double split_dataset_ratio = 0.0;
  bool dataset_shuffle = true;
  bool val_dataset_shuffle = false;
  std::string columns;  // JSON object {from: to}, or empty
  bool strict = false;
  std::optional<int64_t> max_length;  // tokens; unset: the model's maximum
  std::string truncation_strategy = "delete";
  std::string loss_scale = "default";
  bool packing = false;
  std::optional<int64_t> packing_length;  // tokens; unset: max_length
  int64_t dataset_num_proc = 1;
  bool streaming = false;
  int64_t shuffle_buffer_size = 1000;  // samples
  bool load_from_cache_file = false;
  std::optional<std::string> cache_dir;  // resolved: $XDG_CACHE_HOME/swift or ~/.cache/swift
  bool group_by_length = false;

  // Method and tuner
  std::string method = "sft";
  std::string tuner_type = "lora";
  int64_t lora_rank = 8;
  double lora_alpha = 32;
  double lora_dropout = 0.05;
  std::string lora_bias = "none";
  bool use_rslora = false;
  bool use_dora = false;
  bool use_lora_fa = false;
  std::optional<double> lorap_lr_ratio;
  std::vector<std::string> target_modules = {"all-linear"};
  std::optional<std::string> target_regex;
  std::vector<std::string> modules_to_save;
  std::string rank_pattern;   // JSON object {pattern of names: rank}, or empty
  std::string alpha_pattern;  // JSON object {pattern of names: alpha}, or empty
  std::string init_weights = "true";
  std::vector<std::string> freeze_parameters;  // beginnings of weight names
  std::optional<std::string> freeze_parameters_regex;
  double freeze_parameters_ratio = 0;
  std::vector<std::string> trainable_parameters;
  std::optional<std::string> trainable_parameters_regex;

  // Training
  std::string output_dir = "output";
  bool add_version = true;
  bool overwrite_output_dir = false;
  int64_t per_device_train_batch_size = 1;
  int64_t per_device_eval_batch_size = 1;
  std::optional<int64_t> gradient_accumulation_steps;  // resolved: ceil(16 / batch size)
  std::optional<double> learning_rate;                 // resolved: 1e-4 for lora, 1e-5 for full
  std::string lr_scheduler_type = "cosine";
  std::string lr_scheduler_kwargs;  // JSON object, or empty
  double warmup_ratio = 0.0;
  int64_t warmup_steps = 0;
  double weight_decay = 0.1;
  double adam_beta1 = 0.9;
  double adam_beta2 = 0.95;
  double adam_epsilon = 1e-8;
  double max_grad_norm = 1.0;
  double neftune_noise_alpha = 0;
  double label_smoothing_factor = 0;
  double z_loss_coef = 0;
  bool enable_dft_loss = false;
  bool enable_channel_loss = false;
  double router_aux_loss_coef = 0;
  std::string optim = "adamw_torch";
  std::string optim_args;  // "key=value,…" of the optimizer
  bool use_galore = false;
  std::vector<std::string> galore_target_modules;  // parts of weight names; empty: every hidden matrix
  bool galore_with_embedding = false;
  int64_t galore_rank = 128;
  int64_t galore_update_proj_gap = 50;
  double galore_scale = 1.0;
  std::string galore_proj_type = "std";
  bool galore_optim_per_parameter = false;
  bool galore_quantization = false;  // resolved: true for q_galore
  bool galore_proj_quant = false;    // resolved: true for q_galore
  int64_t galore_proj_group_size = 256;
  double galore_cos_threshold = 0.4;
  double galore_gamma_proj = 2;
  int64_t galore_queue_size = 5;
  double num_train_epochs = 3;
  int64_t max_steps = -1;  // -1: num_train_epochs decides
  bool gradient_checkpointing = true;
  bool offload_activations = false;
  bool offload_optimizer = false;
  std::optional<std::string> offload_dir;  // unset: the run directory
  bool auto_find_batch_size = false;
  bool cuda_graphs = true;
  bool tiled_mlp = false;
  std::optional<int64_t> tiled_mlp_tokens;  // unset: hidden size
  std::string save_strategy = "steps";
  int64_t save_steps = 500;
  std::optional<std::string> eval_strategy;  // resolved: save_strategy, or "no" without validation data
  std::optional<int64_t> eval_steps;         // resolved: save_steps
  std::optional<int64_t> save_total_limit;
  std::optional<int64_t> early_stop_interval;
  bool load_best_model_at_end = false;
  std::string metric_for_best_model = "loss";
  std::optional<bool> greater_is_better;  // unset: false for a loss
  bool save_only_model = false;
  int64_t logging_steps = 5;
  bool logging_first_step = true;
  std::vector<std::string> report_to = {"tensorboard"};
  std::optional<std::string> resume_from_checkpoint;  // a checkpoint directory, or "auto"
  bool resume_only_model = false;
  int64_t dataloader_num_workers = 1;
  int64_t dataloader_prefetch_factor = 2;

  // Alignment: preference methods and GRPO
  std::vector<std::string> loss_type;     // resolved: sigmoid, kto, simpo or grpo, by method
  std::vector<std::string> loss_weights;  // numbers; one a loss_type
  std::optional<double> beta;             // resolved: 0.1; simpo 2, grpo 0.04
  std::optional<std::string> ref_model;
  std::vector<std::string> ref_adapters;  // "base": the bare weights
  std::optional<bool> disable_dropout;    // resolved: true, but false for pt and sft
  bool sync_ref_model = false;
  double ref_model_mixup_alpha = 0.6;
  int64_t ref_model_sync_steps = 512;

  // Preference
  double label_smoothing = 0;
  std::string f_divergence_type = "reverse_kl";
  double f_alpha_divergence_coef = 0.5;
  double discopop_tau = 0.05;
  bool reference_free = false;
  std::optional<double> rpo_alpha;
  std::optional<double> ld_alpha;
  bool precompute_ref_log_probs = false;
  double desirable_weight = 1;
  double undesirable_weight = 1;
  double cpo_alpha = 1;
  double simpo_gamma = 1;
  std::optional<double> center_rewards_coefficient;

  // GRPO
  int64_t num_generations = 8;
  int64_t num_iterations = 1;
  std::optional<int64_t> steps_per_generation;   // resolved: gradient_accumulation_steps
  std::optional<int64_t> generation_batch_size;  // completions
  int64_t max_completion_length = 512;           // tokens
  std::string advantage_estimator = "grpo";
  std::optional<std::string> scale_rewards;  // resolved by advantage_estimator
  std::optional<bool> kl_in_reward;          // resolved by advantage_estimator
  std::string importance_sampling_level = "token";
  double epsilon = 0.2;
  std::optional<double> epsilon_high;
  std::optional<double> delta;
  double tau_pos = 1;
  double tau_neg = 1.05;
  bool dynamic_sample = false;
  int64_t max_resample_times = 3;
  bool overlong_filter = false;
  double top_entropy_quantile = 1;
  bool log_entropy = false;
  bool log_completions = true;
  std::optional<std::string> rollout_importance_sampling_mode;
  double rollout_importance_sampling_threshold = 2;
  std::optional<double> off_policy_sequence_mask_delta;

  // Rewards
  std::vector<std::string> reward_funcs;
  std::vector<std::string> reward_weights;  // numbers
  std::vector<std::string> reward_model;
  double reward_timeout = 60;  // seconds
  int64_t reward_max_retries = 2;
  double cosine_min_len_value_wrong = -0.5;
  double cosine_max_len_value_wrong = 0;
  double cosine_min_len_value_correct = 1;
  double cosine_max_len_value_correct = 0.5;
  std::optional<int64_t> cosine_max_len;
  int64_t repetition_n_grams = 3;
  double repetition_max_penalty = -1;
  std::optional<int64_t> soft_max_length;
  std::optional<int64_t> soft_cache_length;

  // Rollouts
  double vllm_server_timeout = 240;  // seconds
  bool async_generate = false;
  int64_t async_max_staleness = 1;  // updates
  std::optional<std::string> multi_turn_scheduler;
  std::optional<int64_t> max_turns;
  std::string completion_length_limit_scope = "per_round";
  double environment_timeout = 60;  // seconds

  // Inference
  std::optional<std::string> prompt;
  std::optional<std::string> infer_input;
  std::optional<std::string> result_path;
  std::optional<int64_t> max_new_tokens;  // unset: generation_config.json, then 512
  std::optional<double> temperature;
  std::optional<int64_t> top_k;
  std::optional<double> top_p;
  std::optional<double> min_p;
  std::optional<double> repetition_penalty;
  std::vector<std::string> stop_words;
  bool stream = true;
  bool logprobs = false;
  int64_t top_logprobs = 0;
  bool ignore_eos = false;
  int64_t max_batch_size = 1;
  std::optional<std::string> metric;
  std::optional<std::string> base_url;

  // Serving
  std::string host = "0.0.0.0";
  int64_t port = 8000;
  std::vector<std::string> api_key;
  std::optional<std::string> api_key_file;
  std::vector<std::string> served_model_name;  // empty: deploy.model_name, then the last part of model
  std::string owned_by = "swift";
  std::optional<std::string> ssl_keyfile;
  std::optional<std::string> ssl_certfile;
  std::vector<std::string> cors_origins;
  bool verbose = true;
  int64_t log_interval = 20;  // seconds
  int64_t max_logprobs = 20;
  std::string tool_call_parser = "auto";
  std::string reasoning_parser = "auto";
  int64_t max_num_seqs = 128;
  int64_t max_num_batched_tokens = 2048;
  int64_t max_queue = 1024;
  bool enable_prefix_caching = true;
  std::string kv_cache_dtype = "auto";
  std::optional<double> kv_cache_memory;      // GiB; unset: a quarter of what is available
  std::optional<int64_t> speculative_tokens;  // resolved: 4 with speculative_model, else 0
  std::optional<std::string> speculative_model;
  std::optional<bool> deterministic;  // resolved: true on the CPU
  std::string cpu_act = "auto";       // of products with quantized weights on the CPU
  bool layout_cache = false;          // of quantized weights, beside the model
  std::string lm_head_dtype = "auto";
  double grace_period = 30;    // seconds
  int64_t max_body_size = 32;  // MiB
  int64_t max_messages = 10000;
  std::optional<std::string> adapter_dir;

  // Quantized weights
  std::string bnb_4bit_quant_type = "nf4";
  bool bnb_4bit_use_double_quant = true;
  std::optional<std::string> bnb_4bit_compute_dtype;  // unset: torch_dtype

  // Export
  bool merge_lora = false;
  bool exist_ok = false;
  std::string export_format = "safetensors";  // resolved: gguf for to_ollama
  std::string gguf_type = "q4_k";
  bool to_ollama = false;
  std::optional<std::string> quant_method;
  std::optional<int64_t> quant_bits;
  int64_t group_size = 128;
  std::optional<std::string> quant_format;    // resolved by quant_method
  int64_t quant_n_samples = 256;              // sequences
  std::optional<int64_t> quant_eval_samples;  // sequences; resolved by quant_n_samples
  int64_t quant_batch_size = 1;               // sequences
  std::optional<bool> quant_sym;              // resolved: false for awq, else true
  std::string act_order = "static";
  double damp_percent = 0.01;
  bool quant_mse = false;
  bool true_sequential = true;
  bool duo_scaling = true;
  bool awq_clip = true;
  std::vector<std::string> modules_to_not_convert;
  std::string quant_dynamic;  // JSON object {regex of module names: settings}, or empty

  // The nested section `deploy:`.
  Tree deploy;

  // By key; a key that is absent has its default.
  std::map<std::string, Origin, std::less<>> origins;

  // Whether the user, or the args.json of a checkpoint, gave this key a value.
  bool is_set(std::string_view key) const {
    const auto found = origins.find(key);
    return found != origins.end() && found->second.source > Source::derived;
  }
};

}  // namespace swift::config
