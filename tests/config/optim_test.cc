// Names and settings of optimizers.
#include "config/optim.h"

#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;

namespace {

Task full_task(const std::string& optim) {
  Task task;
  task.tuner_type = "full";
  task.optim = optim;
  return task;
}

}  // namespace

TEST_CASE("spellings of one optimizer are the same one, and unknown ones are none") {
  CHECK(canonical_optim("adamw_torch") == "adamw");
  CHECK(canonical_optim("adamw_torch_fused") == "adamw");
  CHECK(canonical_optim("adamw_bnb_8bit") == "adamw_8bit");
  CHECK(canonical_optim("lion_32bit") == "lion");
  CHECK(canonical_optim("adam").empty());
}

TEST_CASE("an unknown optimizer is refused with the list") {
  const std::string fault = fault_of("optim: adamx\n");
  CHECK(contains(fault, "adamw_8bit"));
  CHECK(contains(fault, "q_galore"));
}

TEST_CASE("optim_args are those of the optimizer, within their range") {
  Task task = full_task("sgd");
  task.optim_args = "momentum=0.9, nesterov=true";
  CHECK(*optim_args(task).momentum == 0.9);
  CHECK(*optim_args(task).nesterov);
  task.optim_args = "momentum=1.5";
  CHECK_THROWS_WITH(optim_args(task), Catch::Contains("momentum"));
  task.optim_args = "momentum";
  CHECK_THROWS_WITH(optim_args(task), Catch::Contains("not key=value"));
  task.optim_args = "ns_steps=3";
  CHECK_THROWS_WITH(optim_args(task), Catch::Contains("sgd has momentum, nesterov"));
  task = full_task("adamw_torch");
  task.optim_args = "momentum=0.9";
  CHECK_THROWS_WITH(resolve(task, "train"), Catch::Contains("adamw has none"));
  task = full_task("muon");
  task.optim_args = "adjust_lr_fn=spectral";
  CHECK_THROWS_WITH(optim_args(task), Catch::Contains("match_rms_adamw"));
}

TEST_CASE("use_galore makes the optimizer its GaLore form, and the GaLore names set use_galore") {
  Task task = full_task("adamw_torch");
  task.use_galore = true;
  resolve(task, "train");
  CHECK(task.optim == "galore_adamw");
  task = full_task("adamw_8bit");
  task.use_galore = true;
  resolve(task, "train");
  CHECK(task.optim == "galore_adamw_8bit");
  task = full_task("adamw_torch");
  task.use_galore = task.galore_quantization = true;
  resolve(task, "train");
  CHECK(task.optim == "q_galore");
  CHECK(task.galore_proj_quant);
  task = full_task("q_galore");
  resolve(task, "train");
  CHECK((task.use_galore && task.galore_quantization && task.galore_proj_quant));
  resolve(task, "train");  // once more changes nothing
  CHECK(task.optim == "q_galore");
}

TEST_CASE("settings that exclude each other are refused, both named") {
  Task task = full_task("galore_adamw");
  task.tuner_type = "lora";
  CHECK_THROWS_WITH(resolve_optim(task),
                    Catch::Contains("tuner_type: lora and optim: galore_adamw exclude each other"));
  task = full_task("sgd");
  task.use_galore = true;
  CHECK_THROWS_WITH(resolve_optim(task), Catch::Contains("optim: sgd and use_galore: true exclude"));
  task = full_task("q_galore");
  task.galore_proj_type = "left";
  CHECK_THROWS_WITH(resolve_optim(task), Catch::Contains("galore_proj_type: left and optim: q_galore"));
  task = full_task("galore_adamw");
  task.galore_quantization = true;
  CHECK_THROWS_WITH(resolve_optim(task), Catch::Contains("set optim: q_galore"));
}

TEST_CASE("updates in the backward pass exclude accumulation and clipping") {
  Task task = full_task("adamw_torch");
  task.galore_optim_per_parameter = true;
  task.gradient_accumulation_steps = 2;
  CHECK_THROWS_WITH(resolve_optim(task),
                    Catch::Contains("gradient_accumulation_steps: 2 exclude each other"));
  task.gradient_accumulation_steps = 1;
  CHECK_THROWS_WITH(resolve_optim(task), Catch::Contains("max_grad_norm above 0 exclude each other"));
  task.max_grad_norm = 0;
  CHECK_NOTHROW(resolve_optim(task));
}
