#include "config/fields.h"

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
  v("gradient_accumulation_steps", &t.gradient_accumulation_steps, {.min = 1},
    "Forward passes an update; unset: ceil(16 / batch size)");
  v("num_train_epochs", &t.num_train_epochs, {.above = 0}, "Passes over the data; a fraction is allowed");
  v("max_steps", &t.max_steps, {.min = -1}, "Updates in all; -1: num_train_epochs decides");
  v("learning_rate", &t.learning_rate, {.min = 0}, "Peak learning rate; unset: 1e-4 for lora, 1e-5 for full");
  v("lr_scheduler_type", &t.lr_scheduler_type,
    {.one_of = {"cosine", "linear", "constant", "constant_with_warmup"}}, "Course of the learning rate");
  v("warmup_ratio", &t.warmup_ratio, {.min = 0, .max = 1},
    "Part of the updates that warm up, when warmup_steps is 0");
  v("warmup_steps", &t.warmup_steps, {.min = 0}, "Updates over which the learning rate rises from 0");
  v("weight_decay", &t.weight_decay, {.min = 0}, "Decoupled weight decay (not on biases and norms)");
  v("adam_beta1", &t.adam_beta1, {.min = 0, .below = 1}, "Decay of the first moment");
  v("adam_beta2", &t.adam_beta2, {.min = 0, .below = 1}, "Decay of the second moment");
  v("adam_epsilon", &t.adam_epsilon, {.above = 0}, "Added to the root of the second moment");
  v("max_grad_norm", &t.max_grad_norm, {.min = 0}, "Norm to which gradients are clipped; 0: not clipped");
  v("optim", &t.optim, {.one_of = {"adamw_torch", "adamw_torch_fused"}}, "Optimizer; both names mean AdamW");
  v("gradient_checkpointing", &t.gradient_checkpointing, {},
    "Recompute activations in the backward pass: less memory, more time");
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
  checkpoint_fields(v, t);
}

}  // namespace swift::config
