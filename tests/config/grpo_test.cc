// What GRPO's settings default to, and which of them exclude each other.
#include "config/grpo.h"

#include <catch2/catch.hpp>

#include "given.h"

using namespace swift::config;

namespace {

const std::string kBase =
    "method: grpo\nreward_funcs: accuracy\nnum_generations: 4\nper_device_train_batch_size: 8\n";

Task with(const std::string& more) {
  return resolved(kBase + more);
}

}  // namespace

TEST_CASE("grpo generates and updates by ms-swift's defaults, without dropout") {
  const Task task = with("");
  CHECK(task.temperature == 0.9);
  CHECK(task.gradient_accumulation_steps == 1);
  CHECK(task.steps_per_generation == 1);
  CHECK(task.scale_rewards == "group");
  CHECK(task.kl_in_reward == false);
  CHECK(task.disable_dropout == true);
  CHECK(task.metric_for_best_model == "reward");
  CHECK(task.greater_is_better == true);
  CHECK(with("advantage_estimator: rloo\n").scale_rewards == "none");
  CHECK(with("advantage_estimator: reinforce_plus_plus\n").kl_in_reward == true);
  CHECK(with("generation_batch_size: 32\n").steps_per_generation == 4);
}

TEST_CASE("settings of grpo that cannot go together are named") {
  const auto error = [](const std::string& more) { return error_of(kBase + more); };
  CHECK(mentions(error("gradient_accumulation_steps: 2\nsteps_per_generation: 3\n"),
                 "gradient_accumulation_steps", "steps_per_generation"));
  CHECK(mentions(error("async_generate: true\n"), "async_generate", "base_url"));
  CHECK(mentions(error("base_url: http://127.0.0.1:1\ntuner_type: full\n"), "base_url", "tuner_type"));
  CHECK(mentions(error("rollout_importance_sampling_mode: token_mask\n"), "rollout_importance_sampling_mode",
                 "base_url"));
  CHECK(mentions(error("reward_weights: [1, 2]\n"), "reward_weights", "2 numbers for 1"));
  CHECK(mentions(error("temperature: 0\n"), "temperature", "group"));
  CHECK(mentions(error("packing: true\n"), "packing", "grpo"));
  CHECK(mentions(error_of("method: grpo\n"), "grpo", "reward"));
}
