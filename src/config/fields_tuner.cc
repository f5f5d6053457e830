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
  v("target_modules", &t.target_modules, {.carried = true},
    "Suffixes of module names, a regex, or all-linear (all but the output head)");
  v("modules_to_save", &t.modules_to_save, {.carried = true}, "Modules trained whole beside the adapters");
  v("init_weights", &t.init_weights, {.one_of = {"true", "gaussian", "false"}, .carried = true},
    "Start of A: uniform as PEFT, normal, or random A and B");
}

}  // namespace swift::config
