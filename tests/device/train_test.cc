// Training on a device against transformers and PEFT, as tests/train/trajectory_test.cc has it on the CPU.
#include "device/training.h"
#include "ops/device_ops.h"

using namespace swift;
using tests::device_traffic;
using tests::host_device;
using namespace tests::device_runs;
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
  for (const char* name :
       {"qwen3_full", "llama_full", "llama_freeze", "qwen3_galore", "qwen3_moe_full", "qwen3_moe_single"})
    check_run(name, false, host_device());
}

TEST_CASE(
    "on a device, training in bf16 follows the CPU: dropout, packing, tiles, losses, experts, 8-bit "
    "moments") {
  const Folder folder;
  std::vector<std::pair<std::string, config::Task>> cases;
  cases.emplace_back("qwen3_bf16", task_of("lora"));
  config::Task shaped = task_of("lora");
  shaped.label_smoothing_factor = 0.1, shaped.z_loss_coef = 1e-3, shaped.neftune_noise_alpha = 5;
  shaped.tiled_mlp = true, shaped.tiled_mlp_tokens = 16;
  cases.emplace_back("llama", shaped);
  config::Task packed = task_of("full");
  packed.packing = true, packed.packing_length = 64, packed.gradient_checkpointing = true;
  cases.emplace_back("qwen3_bf16", packed);
  config::Task coded = task_of("full");
  coded.optim = "adamw_8bit";
  cases.emplace_back("qwen2", coded);
  config::Task experts = task_of("lora");
  experts.router_aux_loss_coef = 0.01;
  cases.emplace_back("qwen3_moe", experts);
  experts.tuner_type = "full", experts.gradient_checkpointing = true;
  cases.emplace_back("qwen3_moe", experts);
  for (size_t i = 0; i < cases.size(); ++i) {
    const auto& [name, task] = cases[i];
    CAPTURE(i, name);
    const Run here = train_on(at::kCPU, task, name, at::kBFloat16, folder.path / ("a" + std::to_string(i)));
    const Run there =
        train_on(host_device(), task, name, at::kBFloat16, folder.path / ("b" + std::to_string(i)));
    check_near(there.losses, here.losses, 0.01);
  }
}

TEST_CASE("on a device, packed micro-batches queued as a whole train as those that are not") {
  const Folder folder;
  std::vector<std::tuple<std::string, std::string, config::Task>> cases;
  config::Task task = task_of("lora");
  task.packing = true, task.packing_length = 64, task.per_device_train_batch_size = 1, task.max_steps = 5;
  cases.emplace_back("LoRA with dropout", "qwen3_bf16", task);
  config::Task recomputed = task;
  recomputed.gradient_checkpointing = true, recomputed.per_device_train_batch_size = 2;
  recomputed.label_smoothing_factor = 0.1, recomputed.z_loss_coef = 1e-3, recomputed.enable_dft_loss = true;
  recomputed.tiled_mlp = true, recomputed.tiled_mlp_tokens = 48, recomputed.use_dora = true;
  cases.emplace_back("DoRA, recomputed, in tiles, other losses", "llama", recomputed);
  config::Task full = task;
  full.tuner_type = "full", full.optim = "adamw_8bit";
  cases.emplace_back("full, 8-bit moments", "qwen2", full);
  config::Task experts = full;
  experts.optim = "adamw";
  cases.emplace_back("experts", "qwen3_moe", experts);
  config::Task coded = full;
  coded.optim = "q_galore", coded.galore_rank = 8, coded.galore_quantization = true,
  coded.galore_proj_quant = true;
  cases.emplace_back("INT8 weights", "qwen3_bf16", coded);
  for (const auto& [what, name, graphed] : cases) {
    CAPTURE(what);
    config::Task apart = graphed;
    apart.cuda_graphs = false;
    const Run whole = train_on(host_device(), graphed, name, at::kBFloat16, folder.path / what / "whole");
    const Run pieces = train_on(host_device(), apart, name, at::kBFloat16, folder.path / what / "pieces");
    CHECK(whole.replays >= 4);
    CHECK(pieces.replays == 0);
    check_near(whole.losses, pieces.losses, 2e-3);
  }
}

TEST_CASE("a device without memory for a micro-batch gets it in halves, and the updates stay the same",
          "[layer]") {
  const Folder folder;
  config::Task task = task_of("lora");
  task.per_device_train_batch_size = 8, task.gradient_accumulation_steps = 1, task.max_steps = 1;
  task.lora_dropout = 0;
  for (const bool packing : {false, true}) {
    CAPTURE(packing);
    task.packing = packing, task.packing_length = 48;
    task.auto_find_batch_size = false;
    const auto run = [&](const std::string& name, const config::Task& given) {
      return train_on(host_device(), given, "qwen3_bf16", at::kBFloat16,
                      folder.path / (name + (packing ? "_packed" : "")));
    };
    const Run whole = run("whole", task);
    size_t bytes = 1 << 17;
    for (bool fits = true; fits; bytes = bytes * 3 / 4) {
      tests::limit_device(bytes * 3 / 4);
      try {
        run("short", task);
      } catch (const c10::OutOfMemoryError&) {
        fits = false;
      }
    }
    task.auto_find_batch_size = true;
    const Run halves = run("halves", task);
    tests::limit_device(std::numeric_limits<size_t>::max());
    check_near(halves.losses, whole.losses, 1e-3);
  }
}

TEST_CASE("a run begun on a device goes on there and on the CPU, and the other way round") {
  const Folder folder;
  for (const char* tuner : {"lora", "full"}) {
    const config::Task task = task_of(tuner);
    CAPTURE(tuner);
    const auto whole = train_on(host_device(), task, "qwen3", at::kFloat, folder.path / "whole" / tuner);
    const auto here = train_on(at::kCPU, task, "qwen3", at::kFloat, folder.path / "here" / tuner);
    check_near(whole.losses, here.losses, 1e-4);
    if (std::string(tuner) == "full") continue;  // the weights of a checkpoint: as the adapter's, and slower
    const std::vector<double> rest(here.losses.begin() + 2, here.losses.end());
    for (const auto& [from, on] : {std::pair{whole.directory, at::Device(at::kCPU)},
                                   {whole.directory, host_device()},
                                   {here.directory, host_device()}}) {
      const auto run = train_on(on, task, "qwen3", at::kFloat, folder.path / "rest", from / "checkpoint-2");
      check_near({run.losses.end() - 2, run.losses.end()}, rest, 1e-4);
      fs::remove_all(folder.path / "rest");
    }
  }
}

TEST_CASE("on a device, an optimizer step waits once, whatever the layers, experts and micro-batches",
          "[layer]") {
  const Folder folder;
  const auto waits = [&](const std::string& name, const std::string& tuner, bool packing, int64_t steps,
                         int64_t micro_batches) {
    config::Task task = task_of(tuner);
    task.packing = packing, task.packing_length = 64;
    task.max_steps = steps, task.gradient_accumulation_steps = micro_batches, task.save_strategy = "no";
    task.router_aux_loss_coef = name == "qwen3_moe" ? 0.01 : 0;
    const int64_t before = device_traffic().waits;
    train_on(host_device(), task, name, at::kBFloat16, folder.path / std::to_string(before));
    return device_traffic().waits - before;
  };
  for (const auto& [name, tuner, packing] : {std::tuple{"qwen3_bf16", "lora", false},
                                             {"qwen3_bf16", "lora", true},
                                             {"qwen3_moe", "lora", false},
                                             {"qwen3_moe", "full", true}}) {
    CAPTURE(name, tuner, packing);
    const int64_t one = waits(name, tuner, packing, 1, 1);
    CHECK(waits(name, tuner, packing, 3, 1) - one == 2 * 1);
    CHECK(waits(name, tuner, packing, 1, 3) == one);
  }
}

TEST_CASE("on a device, memory_gib of the log is what its tensors had reserved") {
  const Folder folder;
  config::Task task = task_of("lora");
  task.max_steps = 1, task.save_strategy = "no";
  const Run run = train_on(host_device(), task, "qwen3_bf16", at::kBFloat16, folder.path);
  const double logged = tests::trajectory::log_lines(run.directory).back().at("memory_gib").get<double>();
  const auto device = ops::device_ops(host_device());
  CHECK(logged == Approx(static_cast<double>(device->peak_bytes()) / (1 << 30)).epsilon(0.05));
}
