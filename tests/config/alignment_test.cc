// Defaults by method, and what the preference methods refuse.
#include "config/alignment.h"

#include <catch2/catch.hpp>

#include "given.h"

using namespace swift::config;

TEST_CASE("each method has ms-swift's defaults of its own") {
  CHECK(resolved("method: dpo\n").beta == 0.1);
  CHECK(resolved("method: simpo\n").beta == 2);
  CHECK(resolved("method: grpo\nreward_funcs: format\nnum_generations: 2\nper_device_train_batch_size: 2\n")
            .beta == 0.04);
  CHECK(resolved("method: dpo\nbeta: 0.3\n").beta == 0.3);
  CHECK_FALSE(resolved("method: rm\n").beta.has_value());
  using Names = std::vector<std::string>;
  CHECK(resolved("method: dpo\n").loss_type == Names{"sigmoid"});
  CHECK(resolved("method: cpo\n").loss_type == Names{"sigmoid"});
  CHECK(resolved("method: kto\n").loss_type == Names{"kto"});
  CHECK(resolved("method: simpo\n").loss_type == Names{"simpo"});
  CHECK(resolved("method: orpo\n").loss_type.empty());
  CHECK(resolved("method: dpo\n").loss_scale == "last_round");
  CHECK(resolved("method: orpo\n").loss_scale == "default");
  CHECK(resolved("method: dpo\nloss_scale: default\n").loss_scale == "default");
  CHECK(resolved("method: dpo\n").disable_dropout == true);
  CHECK(resolved("method: sft\n").disable_dropout == false);
  CHECK(resolved("method: dpo\ndisable_dropout: false\n").disable_dropout == false);
  CHECK(resolved("method: simpo\n").cpo_alpha == 1);
  CHECK(resolved("method: simpo\n").simpo_gamma == 1);
}

TEST_CASE("losses that a method does not have, and weights that do not fit, are refused") {
  CHECK(mentions(error_of("method: kto\nloss_type: hinge\n"), "hinge", "kto"));
  CHECK(mentions(error_of("method: dpo\nloss_type: kto\n"), "kto", "dpo"));
  CHECK(mentions(error_of("method: cpo\nloss_type: [sigmoid, hinge]\n"), "loss_type", "cpo"));
  CHECK(mentions(error_of("method: dpo\nloss_type: [sigmoid, sft]\nloss_weights: [1]\n"), "loss_weights",
                 "loss_type"));
  CHECK(mentions(error_of("method: dpo\nloss_weights: heavy\n"), "loss_weights", "heavy"));
  CHECK(error_of("method: dpo\nloss_type: [sigmoid, sft]\nloss_weights: [0.8, 1]\n") == "no error");
  CHECK(mentions(error_of("method: dpo\nbeta: 0\nloss_type: ipo\n"), "beta", "ipo"));
}

TEST_CASE("settings of a preference run that exclude each other are named both") {
  CHECK(mentions(error_of("method: dpo\nref_model: m\n"), "ref_model", "tuner_type"));
  CHECK(mentions(error_of("method: dpo\ntuner_type: full\nref_adapters: a\n"), "ref_adapters", "tuner_type"));
  CHECK(mentions(error_of("method: dpo\nreference_free: true\nprecompute_ref_log_probs: true\n"),
                 "reference_free", "precompute_ref_log_probs"));
  CHECK(mentions(error_of("method: dpo\nstreaming: true\nmax_steps: 3\n"), "streaming", "dpo"));
  CHECK(mentions(error_of("method: rm\nz_loss_coef: 0.1\n"), "z_loss_coef", "rm"));
  CHECK(mentions(error_of("method: dpo\nsync_ref_model: true\n"), "sync_ref_model", "grpo"));
  CHECK(mentions(error_of("method: kto\ngradient_accumulation_steps: 1\n"), "per_device_train_batch_size",
                 "gradient_accumulation_steps"));
  CHECK(
      mentions(error_of("method: kto\nprecompute_ref_log_probs: true\n"), "precompute_ref_log_probs", "kto"));
  CHECK(error_of("method: kto\n") == "no error");
}

TEST_CASE("a setting that the method does not read is a warning that says whose it is") {
  Task task = given("method: dpo\nsimpo_gamma: 0.5\n").task;
  const auto warnings = resolve(task, "train");
  REQUIRE(warnings.size() == 1);
  CHECK(mentions(warnings[0], "simpo_gamma", "simpo"));
  task = given("method: simpo\nsimpo_gamma: 0.5\n").task;
  CHECK(resolve(task, "train").empty());
}

TEST_CASE("the metric of the best model says which way is better") {
  CHECK(resolved("metric_for_best_model: loss\n").greater_is_better == false);
  CHECK(resolved("method: dpo\nmetric_for_best_model: rewards/accuracies\n").greater_is_better == true);
}
