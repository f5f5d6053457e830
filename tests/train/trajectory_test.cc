#include "trajectory.h"

using swift::tests::trajectory::check_run;

TEST_CASE("ten LoRA steps agree with transformers and PEFT") {
  for (const char* name : {"qwen3_lora", "qwen3_lora_unclipped", "llama_lora", "llama_lora_epochs"})
    check_run(name, false);
}

TEST_CASE("ten steps of rsLoRA, DoRA and PiSSA agree with transformers and PEFT") {
  for (const char* name : {"qwen3_rslora", "qwen3_dora", "qwen2_dora", "llama_pissa", "qwen3_pissa_dora"})
    check_run(name, false);
  check_run("qwen2_dora", true);
}

TEST_CASE("ten steps of LoRA+ and LoRA-FA agree with transformers and PEFT") {
  for (const char* name : {"llama_lora_plus", "qwen3_dora_plus", "qwen3_lora_fa"}) check_run(name, false);
}

TEST_CASE("ten steps over quantized bases agree with PEFT over their unpacked values") {
  for (const char* name : {"qwen3_qlora", "llama_qlora_fp4", "llama_qlora_int8", "qwen3_qlora_dora"})
    check_run(name, false);
  check_run("qwen3_qlora", true);
}

TEST_CASE("ten steps with embeddings and head as targets agree with transformers and PEFT") {
  check_run("llama_ends", false);
  check_run("llama_ends", true);
}

TEST_CASE("ten steps with frozen weights agree with transformers, and those weights stay as they are") {
  check_run("llama_freeze", false);
  check_run("llama_freeze", true);
}

TEST_CASE("ten full fine-tuning steps agree with transformers") {
  for (const char* name : {"qwen3_full", "llama_full", "qwen3_moe_full", "qwen3_moe_single"})
    check_run(name, false);
}

TEST_CASE("ten GaLore steps agree with galore_torch") {
  check_run("qwen3_galore", false);
}

TEST_CASE("recomputing activations changes nothing") {
  check_run("qwen3_lora", true);
  check_run("llama_full", true);
}
