#include "config/fields.h"

namespace swift::config {

void export_fields(FieldList& v, Task& t) {
  v.group("Export", kExport);
  v("merge_lora", &t.merge_lora, {}, "Write the model with the adapters merged into its weights");
  v("exist_ok", &t.exist_ok, {}, "Write into a directory that already exists");
  v("export_format", &t.export_format, {.one_of = {"safetensors", "gguf"}},
    "Files to write: a Hugging Face directory, or a GGUF file for llama.cpp with a Modelfile for Ollama");
  v("gguf_type", &t.gguf_type, {.one_of = {"f32", "f16", "bf16", "q8_0", "q4_0", "q4_k", "q4_k_m"}},
    "gguf: type of the matrices; q4_0 and q4_k mix types as llama-quantize does (q4_k is Q4_K_M)");
  v("to_ollama", &t.to_ollama, {}, "The same as export_format: gguf");

  v.group("Quantization", kExport);
  v("group_size", &t.group_size, {.min = -1},
    "Weights that share a scale: 32, 64, 128, or -1 for a whole row");
  v("quant_format", &t.quant_format, {.one_of = {"awq", "gptq", "gptq_v2", "compressed-tensors", "fp8"}},
    "How the weights are written; unset: as the method is named, gptq for rtn, and compressed-tensors for "
    "awq in "
    "8 bits");
  v("quant_n_samples", &t.quant_n_samples, {.min = 1}, "Calibration sequences of max_length tokens");
  v("quant_eval_samples", &t.quant_eval_samples, {.min = 0},
    "Held-out sequences whose perplexity is reported, before and after; 0: none; unset: a quarter of "
    "quant_n_samples, 16 to 64");
  v("quant_batch_size", &t.quant_batch_size, {.min = 1}, "Sequences that pass the model at a time");
  v("quant_sym", &t.quant_sym, {},
    "Codes symmetric about 0, without zero points; unset: false for awq, else true");
  v("act_order", &t.act_order, {.one_of = {"static", "group", "none"}},
    "gptq: columns by the size of their activations; static: groups as they lie; group: groups in that "
    "order, "
    "with g_idx in the file (desc_act); none: columns as they lie");
  v("damp_percent", &t.damp_percent, {.above = 0, .below = 1},
    "gptq: part of the mean that is added to the Hessian's diagonal");
  v("quant_mse", &t.quant_mse, {}, "Search the range of each group for the smallest error of its weights");
  v("true_sequential", &t.true_sequential, {},
    "gptq: linears of a block see the outputs of those before them as quantized");
  v("duo_scaling", &t.duo_scaling, {}, "awq: scales follow the weights too, not the activations alone");
  v("awq_clip", &t.awq_clip, {}, "awq: search the range of each group for the smallest error of the outputs");
  v("modules_to_not_convert", &t.modules_to_not_convert, {}, "Parts of module names that stay as they are");
  v("quant_dynamic", &t.quant_dynamic, {.json_object = true},
    "Settings by module, {regex: {bits, group_size, sym}}; a regex after -: leaves modules as they are");
}

}  // namespace swift::config
