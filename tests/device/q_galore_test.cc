// Q-GaLore on a device: codes that its kernels make, and runs beside the CPU's.
#include "device/training.h"
#include "gradcheck.h"
#include "ops/int8_weight.h"
#include "train/optimizers/group_quant.h"

using namespace swift;
using namespace swift::tests::device_runs;
using tests::host_device;

TEST_CASE("on a device, INT8 weights and INT4 projections have the CPU's codes") {
  at::manual_seed(11);
  const at::Tensor values = at::randn({6, 50}), direction = at::randn({6, 50});
  for (const int64_t group : {64, 300}) {
    CAPTURE(group);
    ops::Int8Weight here(values, group, at::kFloat), there(values.to(host_device()), group, at::kFloat);
    const auto same = [&] {
      CHECK(at::equal(there.stored().codes.cpu(), here.stored().codes));
      CHECK(at::equal(there.stored().scales.cpu(), here.stored().scales));
      CHECK(at::equal(there.unpack(at::kBFloat16).cpu(), here.unpack(at::kBFloat16)));
    };
    same();
    here.move(direction, 0.5, -0.25, {42, 7});
    there.move(direction.to(host_device()), 0.5, -0.25, {42, 7});
    same();
    auto coded = train::int4_zeros(300, group, values.options());
    auto coded_there = train::int4_zeros(300, group, values.options().device(host_device()));
    train::int4_encode(values, group, coded);
    train::int4_encode(values.to(host_device()), group, coded_there);
    CHECK(at::equal(coded_there.codes.cpu(), coded.codes));
    CHECK(at::equal(train::int4_decode(coded_there, group, {6, 50}).cpu(),
                    train::int4_decode(coded, group, {6, 50})));
  }
}

namespace {

config::Task q_galore() {
  config::Task task = task_of("full");
  task.optim = "q_galore";
  task.use_galore = task.galore_quantization = task.galore_proj_quant = true;
  task.galore_rank = 8;
  task.galore_update_proj_gap = 2;
  task.max_steps = 6;
  return task;
}

}  // namespace

TEST_CASE("on a device, Q-GaLore follows the CPU, and each goes on from the other's checkpoint") {
  const Folder folder;
  for (const auto& [name, type] : {std::pair{"qwen3", at::kFloat}, {"qwen3_bf16", at::kBFloat16}}) {
    CAPTURE(name);
    const config::Task task = q_galore();
    const Run here = train_on(at::kCPU, task, name, type, folder.path / name / "here");
    const Run there = train_on(host_device(), task, name, type, folder.path / name / "there");
    // The noise is the same; a direction that differs in its last bits rounds few weights otherwise.
    const double tolerance = type == at::kFloat ? 2e-3 : 0.01;
    check_near(there.losses, here.losses, tolerance);
    const std::vector<double> rest(here.losses.begin() + 4, here.losses.end());
    for (const auto& [from, on] :
         {std::pair{there.directory, at::Device(at::kCPU)}, {here.directory, host_device()}}) {
      const Run run = train_on(on, task, name, type, folder.path / "rest", from / "checkpoint-4");
      check_near({run.losses.end() - 2, run.losses.end()}, rest, tolerance);
      fs::remove_all(folder.path / "rest");
    }
  }
  const fs::path state = folder.path / "qwen3/there/checkpoint-4/optimizer.safetensors";
  const auto files = model::TensorFiles::from_file(state);
  CHECK(files.get("weight_int8.model.layers.0.self_attn.q_proj.weight").scalar_type() == at::kChar);
  CHECK_FALSE(files.has("master.model.layers.0.self_attn.q_proj.weight"));
}

TEST_CASE("on a device, a step of Q-GaLore and GaLore that renews no projection waits once", "[layer]") {
  const Folder folder;
  for (const char* optim : {"q_galore", "galore_adamw_8bit"}) {
    CAPTURE(optim);
    const auto waits = [&](int64_t steps) {
      config::Task task = q_galore();
      task.optim = optim,
      task.galore_quantization = task.galore_proj_quant = optim == std::string("q_galore");
      task.galore_update_proj_gap = 50, task.max_steps = steps, task.save_strategy = "no";
      const int64_t before = tests::device_traffic().waits;
      train_on(host_device(), task, "qwen3_bf16", at::kBFloat16, folder.path / std::to_string(before));
      return tests::device_traffic().waits - before;
    };
    CHECK(waits(3) - waits(1) == 2);
  }
}

TEST_CASE("on a device, groups of Q-GaLore that its kernels do not take are refused") {
  const Folder folder;
  config::Task task = q_galore();
  task.galore_proj_group_size = 66;
  CHECK_THROWS_WITH(train_on(host_device(), task, "qwen3", at::kFloat, folder.path / "run"),
                    Catch::Contains("galore_proj_group_size must be a multiple of 4"));
}
