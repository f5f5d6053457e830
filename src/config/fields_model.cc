#include "config/fields.h"

namespace swift::config {

void model_fields(FieldList& v, Task& t) {
  v.group("Model", kEvery);
  v("model", &t.model, {.carried = true}, "Model directory in Hugging Face form");
  v("model_type", &t.model_type, {.carried = true},
    "Registry name of the model; empty: found from config.json");

  v.group("Weights", kTrain | kInfer | kExport | kDeploy);
  v("torch_dtype", &t.torch_dtype, {.one_of = {"auto", "float32", "bfloat16", "float16"}, .carried = true},
    "Type of the weights in memory; auto: that of config.json");
  v("quant_method", &t.quant_method, {.one_of = {"awq", "gptq", "rtn", "fp8", "bnb"}, .carried = true},
    "train: bnb keeps the frozen weights in quant_bits (QLoRA); export: awq, gptq, rtn (to nearest) or fp8");
  v("quant_bits", &t.quant_bits, {.min = 2, .max = 8, .carried = true},
    "Bits of a quantized weight; bnb: 4 or 8; awq, gptq and rtn: 2, 3, 4 or 8; export unset: 4, fp8: 8");
  v("bnb_4bit_quant_type", &t.bnb_4bit_quant_type, {.one_of = {"nf4", "fp4"}, .carried = true},
    "The sixteen values of a 4-bit weight (nf4: arXiv 2305.14314)");
  v("bnb_4bit_use_double_quant", &t.bnb_4bit_use_double_quant, {.carried = true},
    "Quantize the scales of the 4-bit blocks too");
  v("bnb_4bit_compute_dtype", &t.bnb_4bit_compute_dtype,
    {.one_of = {"float32", "bfloat16", "float16"}, .carried = true},
    "Type to which 4-bit weights are unpacked; unset: torch_dtype");
  v("new_special_tokens", &t.new_special_tokens, {.carried = true},
    "Special tokens to add (or a .txt file, one a line); embeddings are resized");
  v("adapters", &t.adapters, {}, "LoRA directories to start from or to apply");
  v("load_args", &t.load_args, {},
    "Read the args.json beside the checkpoint; unset: true for infer and export, false for train");

  v.group("Template", kTrain | kInfer | kTemplate | kDeploy | kExport);
  v("chat_template", &t.chat_template, {.carried = true},
    "Jinja file to use instead of the model's template");
  v("system", &t.system, {.carried = true}, "System text, or the path of a .txt file that holds it");
  v("use_chat_template", &t.use_chat_template, {.carried = true},
    "Render messages with the chat template; method pt: false");
  v("enable_thinking", &t.enable_thinking, {.carried = true},
    "Value of enable_thinking in the template; unset: the template's own default");

  v.group("Run", kTrain | kInfer | kDeploy | kExport);
  v("seed", &t.seed, {.min = 0}, "Seed of initial weights, dropout and sampling");
  v("num_threads", &t.num_threads, {.min = 0, .max = 4096}, "CPU threads; 0: all cores");
  v("cuda_graphs", &t.cuda_graphs, {},
    "On a device, queue the decoding of a token, and a packed micro-batch of training, as a whole (CUDA "
    "graphs)");
  v("device", &t.device, {},
    "Where to compute: auto (the first usable CUDA device, else the CPU), cpu, cuda or cuda:N");
}

}  // namespace swift::config
