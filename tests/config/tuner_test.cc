#include "config/tuner.h"

#include <catch2/catch.hpp>

#include "given.h"

using namespace swift::config;
using swift::base::Error;

namespace {

// The error's text; empty when the settings are accepted.
std::string refusal_of(const std::string& yaml) {
  try {
    resolved(yaml);
    return "";
  } catch (const Error& error) {
    CHECK(error.code() == swift::base::ExitCode::usage);
    CHECK(error.where().line > 0);
    return error.what();
  }
}

}  // namespace

TEST_CASE("settings of the LoRA variants are read from YAML, patterns as maps or JSON") {
  const Task task = resolved(
      "use_dora: true\nlorap_lr_ratio: 16\ninit_weights: pissa_niter_16\ntarget_regex: .*q_proj\n"
      "rank_pattern:\n  z_proj: 4\n  a_proj: 16\nalpha_pattern: '{\"q_proj\": 2.5}'\n");
  CHECK(task.use_dora);
  CHECK(task.lorap_lr_ratio == 16);
  CHECK(task.target_regex == ".*q_proj");
  CHECK(task.rank_pattern == "{\"z_proj\":4,\"a_proj\":16}");
  CHECK(task.alpha_pattern == "{\"q_proj\": 2.5}");
  CHECK(refusal_of("tuner_type: full\nfreeze_parameters: [model.embed_tokens]\nfreeze_parameters_ratio: 0.5\n"
                   "trainable_parameters: model.norm\ntrainable_parameters_regex: norm\n")
            .empty());
}

TEST_CASE("settings that exclude each other are refused, naming both") {
  CHECK(contains(refusal_of("tuner_type: full\nuse_dora: true\n"),
                 "use_dora and tuner_type: full exclude each other"));
  CHECK(contains(refusal_of("tuner_type: full\nlorap_lr_ratio: 2\n"), "lorap_lr_ratio and tuner_type: full"));
  CHECK(
      contains(refusal_of("freeze_parameters_ratio: 0.5\n"), "freeze_parameters_ratio and tuner_type: lora"));
  CHECK(contains(refusal_of("trainable_parameters: [lm_head]\n"), "modules_to_save"));
  CHECK(contains(refusal_of("use_lora_fa: true\nlorap_lr_ratio: 4\n"),
                 "lorap_lr_ratio and use_lora_fa exclude each other"));
  CHECK(contains(refusal_of("target_regex: .*\ntarget_modules: [q_proj]\n"),
                 "target_regex and target_modules"));
}

TEST_CASE("malformed starts and patterns are refused with the place") {
  CHECK(contains(refusal_of("init_weights: pisa\n"), "did you mean 'pissa'?"));
  CHECK(contains(refusal_of("init_weights: pissa_niter_0\n"), "needs 1 to 1000 iterations"));
  CHECK(contains(refusal_of("rank_pattern: {q_proj: 2.5}\n"), "'q_proj' has 2.5, but needs a whole number"));
  CHECK(contains(refusal_of("alpha_pattern: {q_proj: many}\n"), "needs a number above 0"));
  CHECK(contains(fault_of("rank_pattern: q_proj=4\n"), "not a JSON object"));
  CHECK(contains(fault_of("freeze_parameters_ratio: 1.5\n"), "above 1"));
}
