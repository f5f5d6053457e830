#include "config/fields.h"

namespace swift::config {

void tuner_fields(FieldList& v, Task& t) {
  v.group("Method", kTrain | kTemplate);
  v("method", &t.method,
    {.one_of = {"pt", "sft", "dpo", "kto", "orpo", "cpo", "simpo", "rm", "grpo"}, .carried = true},
    "What is trained: pretraining, fine-tuning, or an alignment method");

  v.group("Tuner", kTrain);
  v("tuner_type", &t.tuner_type, {.one_of = {"lora", "full"}, .carried = true},
    "Train LoRA adapters or all weights");
  v("train_from_scratch", &t.train_from_scratch, {},
    "Start from random weights of the shape in config.json (pretraining)");

  v.group("LoRA", kTrain);
  v("lora_rank", &t.lora_rank, {.min = 1, .max = 4096, .carried = true}, "Rank of the update matrices");
  v("lora_alpha", &t.lora_alpha, {.min = 0, .carried = true},
    "Scale numerator; the update is scaled by alpha / rank");
  v("lora_dropout", &t.lora_dropout, {.min = 0, .below = 1, .carried = true},
    "Dropout on the input of the update");
  v("lora_bias", &t.lora_bias, {.one_of = {"none", "all", "lora_only"}, .carried = true},
    "Biases that are trained");
  v("use_rslora", &t.use_rslora, {.carried = true}, "Scale by alpha / sqrt(rank) (arXiv 2312.03732)");
  v("use_dora", &t.use_dora, {.carried = true},
    "Train direction and length of each weight row apart (DoRA, arXiv 2402.09353)");
  v("use_lora_fa", &t.use_lora_fa, {.carried = true}, "Freeze A, train B alone (LoRA-FA, arXiv 2308.03303)");
  v("lorap_lr_ratio", &t.lorap_lr_ratio, {.above = 0, .carried = true},
    "Learning rate of B relative to A's (LoRA+, arXiv 2402.12354)");
  v("target_modules", &t.target_modules, {.carried = true},
    "Suffixes of module names, a regex, or all-linear (all but the output head)");
  v("target_regex", &t.target_regex, {.carried = true},
    "Regular expression that the whole module name must match, in place of target_modules");
  v("rank_pattern", &t.rank_pattern, {.json_object = true, .carried = true},
    "Ranks of single modules: {name ending or regex: rank}; the first that matches counts");
  v("alpha_pattern", &t.alpha_pattern, {.json_object = true, .carried = true},
    "Alphas of single modules, in the same form");
  v("modules_to_save", &t.modules_to_save, {.carried = true}, "Modules trained whole beside the adapters");
  v("init_weights", &t.init_weights, {.carried = true},
    "Start: true (A uniform), gaussian (A normal), false (A and B random), pissa or pissa_niter_<n> (arXiv "
    "2404.02948)");

  v.group("Freezing", kTrain);
  v("freeze_parameters", &t.freeze_parameters, {},
    "tuner_type full: beginnings of the names of frozen weights");
  v("freeze_parameters_regex", &t.freeze_parameters_regex, {}, "Regular expression found in their names");
  v("freeze_parameters_ratio", &t.freeze_parameters_ratio, {.min = 0, .max = 1},
    "Part of the parameters that is frozen, from the embeddings up");
  v("trainable_parameters", &t.trainable_parameters, {},
    "Beginnings of the names of weights that are trained although frozen above");
  v("trainable_parameters_regex", &t.trainable_parameters_regex, {},
    "Regular expression found in their names");
}

}  // namespace swift::config
