// What GRPO's settings default to, and which of them exclude each other.
#include "config/grpo.h"

#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "given.h"

using namespace swift::config;
using swift::base::Error;

namespace {

const std::string kBase =
    "method: grpo\nreward_funcs: accuracy\nnum_generations: 4\nper_device_train_batch_size: 8\n";

Task resolved(const std::string& more) {
  Task task = given(kBase + more).task;
  resolve(task, "train");
  return task;
}

std::string error_of(const std::string& yaml) {
  try {
    Task task = given(yaml).task;
    resolve(task, "train");
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

bool mentions(const std::string& text, const std::string& a, const std::string& b) {
  return text.find(a) != std::string::npos && text.find(b) != std::string::npos;
}

}  // namespace

TEST_CASE("grpo generates and updates by ms-swift's defaults, without dropout") {
  const Task task = resolved("");
  CHECK(task.temperature == 0.9);
  CHECK(task.gradient_accumulation_steps == 1);
  CHECK(task.steps_per_generation == 1);
  CHECK(task.scale_rewards == "group");
  CHECK(task.kl_in_reward == false);
  CHECK(task.disable_dropout == true);
  CHECK(task.metric_for_best_model == "reward");
  CHECK(task.greater_is_better == true);
  CHECK(resolved("advantage_estimator: rloo\n").scale_rewards == "none");
  CHECK(resolved("advantage_estimator: reinforce_plus_plus\n").kl_in_reward == true);
  CHECK(resolved("generation_batch_size: 32\n").steps_per_generation == 4);
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
