// Training on a device against transformers and PEFT, as tests/train/trajectory_test.cc has it on the CPU.
#include "../train/trajectory.h"
#include "device/host_device.h"

using namespace swift;
using tests::device_traffic;
using tests::host_device;
using tests::trajectory::check_run;

TEST_CASE("on a device, ten LoRA steps agree with transformers and PEFT") {
  for (const char* name :
       {"qwen3_lora", "llama_lora_epochs", "qwen3_rslora", "llama_lora_plus", "qwen3_lora_fa"})
    check_run(name, false, host_device());
  check_run("qwen3_lora", true, host_device());
}

TEST_CASE("on a device, ten steps of DoRA, PiSSA and trained embeddings agree with transformers and PEFT") {
  for (const char* name : {"qwen3_dora", "qwen2_dora", "qwen3_pissa_dora", "llama_ends"})
    check_run(name, false, host_device());
}

TEST_CASE("on a device, ten steps over quantized bases agree with PEFT over their unpacked values") {
  for (const char* name : {"qwen3_qlora", "llama_qlora_fp4", "llama_qlora_int8", "qwen3_qlora_dora"})
    check_run(name, false, host_device());
}

TEST_CASE("on a device, ten full fine-tuning steps agree with transformers, and GaLore with galore_torch") {
  for (const char* name : {"qwen3_full", "llama_full", "llama_freeze", "qwen3_galore"})
    check_run(name, false, host_device());
}
