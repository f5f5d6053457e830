#include "config/fields.h"
#include "config/optim.h"

namespace swift::config {
namespace {

void output_fields(FieldList& v, Task& t) {
  v.group("Output", kTrain | kExport);
  v("output_dir", &t.output_dir, {}, "Directory of the run, or of the exported model");

  v.group("Run directory", kTrain);
  v("add_version", &t.add_version, {}, "Write to output_dir/vN-YYYYMMDD-HHMMSS; false: to output_dir itself");
  v("overwrite_output_dir", &t.overwrite_output_dir, {}, "Train into a directory that already holds a run");
}

void optimizer_fields(FieldList& v, Task& t) {
  v.group("Optimization", kTrain);
  v("per_device_train_batch_size", &t.per_device_train_batch_size, {.min = 1},
    "Samples (or packs) a forward pass");
  v("auto_find_batch_size", &t.auto_find_batch_size, {},
    "Split a step's forward passes in two, as often as needed, when a device has no memory for them");
  v("gradient_accumulation_steps", &t.gradient_accumulation_steps, {.min = 1},
    "Forward passes an update; unset: ceil(16 / batch size)");
  v("num_train_epochs", &t.num_train_epochs, {.above = 0}, "Passes over the data; a fraction is allowed");
  v("max_steps", &t.max_steps, {.min = -1}, "Updates in all; -1: num_train_epochs decides");
  v("learning_rate", &t.learning_rate, {.min = 0}, "Peak learning rate; unset: 1e-4 for lora, 1e-5 for full");
  v("lr_scheduler_type", &t.lr_scheduler_type,
    {.one_of = {"cosine", "linear", "constant", "constant_with_warmup", "cosine_with_restarts",
                "cosine_with_min_lr", "polynomial", "inverse_sqrt", "warmup_stable_decay"}},
    "Course of the learning rate");
  v("lr_scheduler_kwargs", &t.lr_scheduler_kwargs, {.json_object = true},
    "Its settings, as transformers names them: num_cycles, min_lr, min_lr_rate, power, lr_end, timescale, "
    "num_decay_steps, num_stable_steps, warmup_type, decay_type");
  v("warmup_ratio", &t.warmup_ratio, {.min = 0, .max = 1},
    "Part of the updates that warm up, when warmup_steps is 0");
  v("warmup_steps", &t.warmup_steps, {.min = 0}, "Updates over which the learning rate rises from 0");
  v("weight_decay", &t.weight_decay, {.min = 0}, "Decoupled weight decay (not on biases and norms)");
  v("adam_beta1", &t.adam_beta1, {.min = 0, .below = 1}, "Decay of the first moment");
  v("adam_beta2", &t.adam_beta2, {.min = 0, .below = 1}, "Decay of the second moment");
  v("adam_epsilon", &t.adam_epsilon, {.above = 0}, "Added to the root of the second moment");
  v("max_grad_norm", &t.max_grad_norm, {.min = 0}, "Norm to which gradients are clipped; 0: not clipped");
  v("neftune_noise_alpha", &t.neftune_noise_alpha, {.min = 0},
    "Noise on the embeddings while training (arXiv 2310.05914); 5 is usual");
  v("label_smoothing_factor", &t.label_smoothing_factor, {.min = 0, .below = 1},
    "Part of the target that is spread over the vocabulary; not in evaluation");
  v("z_loss_coef", &t.z_loss_coef, {.min = 0},
    "Weight of the squared log-sum of the logits; not in evaluation");
  v("enable_dft_loss", &t.enable_dft_loss, {},
    "Weight each token's loss with its probability (arXiv 2508.05629); not in evaluation");
  v("optim", &t.optim, {.one_of = optim_names()},
    "Optimizer; adamw_torch, adamw_torch_fused and adamw are the same, and so on");
  v("optim_args", &t.optim_args, {},
    "Settings of one optimizer, as momentum=0.9,nesterov=true (sgd, muon, adafactor)");
  v("gradient_checkpointing", &t.gradient_checkpointing, {},
    "Recompute activations in the backward pass: less memory, more time");
  v("enable_channel_loss", &t.enable_channel_loss, {},
    "Log the loss of each value of the rows' column 'channel' too");
  v("router_aux_loss_coef", &t.router_aux_loss_coef, {.min = 0},
    "Mixture of experts: weight of the loss that balances the experts' load");
}

void memory_fields(FieldList& v, Task& t) {
  v.group("Memory", kTrain);
  v("offload_activations", &t.offload_activations, {},
    "Keep what the backward pass needs of each block outside of the device's memory: for a CPU in a file");
  v("offload_optimizer", &t.offload_optimizer, {}, "Keep the optimizer's moments there too");
  v("offload_dir", &t.offload_dir, {}, "Directory of these files; unset: the run directory");
  v("tiled_mlp", &t.tiled_mlp, {}, "Run the MLP in tiles of tokens, forward and backward (long samples)");
  v("tiled_mlp_tokens", &t.tiled_mlp_tokens, {.min = 1}, "Tokens of a tile; unset: the hidden size");
}

void galore_fields(FieldList& v, Task& t) {
  v.group("GaLore", kTrain);
  v("use_galore", &t.use_galore, {},
    "AdamW on gradients projected to a low rank (arXiv 2403.03507); so does optim: galore_adamw");
  v("galore_target_modules", &t.galore_target_modules, {},
    "Parts of the names of projected weights; empty: every matrix of the blocks");
  v("galore_with_embedding", &t.galore_with_embedding, {}, "Project embeddings and output head too");
  v("galore_rank", &t.galore_rank, {.min = 1}, "Rank of the projected gradients");
  v("galore_update_proj_gap", &t.galore_update_proj_gap, {.min = 1}, "Updates between projections");
  v("galore_scale", &t.galore_scale, {.above = 0}, "Factor on the update that is projected back");
  v("galore_proj_type", &t.galore_proj_type, {.one_of = {"std", "reverse_std", "left", "right", "full"}},
    "Side that is projected; std: the shorter one");
  v("galore_optim_per_parameter", &t.galore_optim_per_parameter, {},
    "Update each weight in the backward pass and free its gradient; with any optimizer, "
    "gradient_accumulation_steps: 1, max_grad_norm: 0");
  v("galore_quantization", &t.galore_quantization, {},
    "Q-GaLore (arXiv 2407.08296): INT8 weights, stochastic rounding; so does optim: q_galore");
  v("galore_proj_quant", &t.galore_proj_quant, {}, "Q-GaLore: keep the projection in INT4");
  v("galore_proj_group_size", &t.galore_proj_group_size, {.min = 2, .max = 65536},
    "Q-GaLore: values that share a scale");
  v("galore_cos_threshold", &t.galore_cos_threshold, {.min = 0, .max = 1},
    "Q-GaLore: mean similarity from which the projection changes less often");
  v("galore_gamma_proj", &t.galore_gamma_proj, {.min = 1}, "Q-GaLore: factor on the gap then");
  v("galore_queue_size", &t.galore_queue_size, {.min = 1, .max = 1000}, "Q-GaLore: similarities that count");
}

void checkpoint_fields(FieldList& v, Task& t) {
  v.group("Checkpoints and evaluation", kTrain);
  v("save_strategy", &t.save_strategy, {.one_of = {"steps", "epoch", "no"}},
    "When a checkpoint is saved; the last update always saves unless no");
  v("save_steps", &t.save_steps, {.min = 1}, "Updates between checkpoints");
  v("save_total_limit", &t.save_total_limit, {.min = 1}, "Checkpoints kept; unset: all");
  v("save_only_model", &t.save_only_model, {}, "Leave out the state that resuming needs");
  v("eval_strategy", &t.eval_strategy, {.one_of = {"steps", "epoch", "no"}},
    "When the validation loss is measured; unset: as save_strategy, or no without validation data");
  v("eval_steps", &t.eval_steps, {.min = 1}, "Updates between evaluations; unset: save_steps");
  v("early_stop_interval", &t.early_stop_interval, {.min = 1},
    "Evaluations without a better loss after which the run ends; unset: never");
  v("load_best_model_at_end", &t.load_best_model_at_end, {},
    "At the end take the weights of the best checkpoint and save them as the last one");
  v("metric_for_best_model", &t.metric_for_best_model,
    {.one_of = {"loss", "eval_loss", "reward", "eval_reward", "rewards/accuracies",
                "eval_rewards/accuracies"}},
    "What makes a checkpoint the best; unset: reward for method grpo, else loss");
  v("greater_is_better", &t.greater_is_better, {}, "Whether more of it is better; unset: not of a loss");
  v("per_device_eval_batch_size", &t.per_device_eval_batch_size, {.min = 1},
    "Samples a forward pass of evaluation");
  v("resume_from_checkpoint", &t.resume_from_checkpoint, {},
    "Checkpoint directory to continue, or auto: the newest in output_dir");
  v("resume_only_model", &t.resume_only_model, {}, "Take only the weights from that checkpoint");

  v.group("Logging", kTrain);
  v("logging_steps", &t.logging_steps, {.min = 1}, "Updates between log lines");
  v("logging_first_step", &t.logging_first_step, {}, "Log the first update too");
  v("report_to", &t.report_to, {.one_of = {"tensorboard", "none"}}, "Where curves go beside logging.jsonl");
}

}  // namespace

void train_fields(FieldList& v, Task& t) {
  output_fields(v, t);
  optimizer_fields(v, t);
  memory_fields(v, t);
  galore_fields(v, t);
  checkpoint_fields(v, t);
}

}  // namespace swift::config
