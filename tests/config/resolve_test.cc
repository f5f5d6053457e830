#include "config/resolve.h"

#include <catch2/catch.hpp>

#include "config/serialize.h"
#include "given.h"

using namespace swift::config;
using swift::base::Error;

TEST_CASE("dependent defaults are filled, and marked as derived") {
  const Task task = resolved("per_device_train_batch_size: 3\nsave_steps: 7\n");
  CHECK(task.learning_rate == 1e-4);
  CHECK(task.gradient_accumulation_steps == 6);
  CHECK(task.eval_strategy == "no");
  CHECK(task.eval_steps == 7);
  CHECK(task.load_args == false);
  CHECK(task.origins.at("learning_rate").str() == "default (derived)");
  CHECK_FALSE(task.is_set("learning_rate"));
  CHECK(resolved("tuner_type: full\n").learning_rate == 1e-5);
  CHECK(resolved("per_device_train_batch_size: 32\n").gradient_accumulation_steps == 1);
  CHECK(resolved("split_dataset_ratio: 0.1\nsave_strategy: epoch\n").eval_strategy == "epoch");
  CHECK(resolved("", "infer").load_args == true);
}

TEST_CASE("what the user gave is not derived over") {
  const Task task =
      resolved("learning_rate: 3\ngradient_accumulation_steps: 2\nval_dataset: v\neval_strategy: epoch\n");
  CHECK(task.learning_rate == 3);
  CHECK(task.gradient_accumulation_steps == 2);
  CHECK(task.eval_strategy == "epoch");
}

TEST_CASE("evaluation without data, and a split beside validation data, are dropped with a warning") {
  Task task = given("eval_strategy: steps\n").task;
  CHECK(resolve(task, "train").size() == 1);
  CHECK(task.eval_strategy == "no");
  task = given("val_dataset: v\nsplit_dataset_ratio: 0.5\n").task;
  CHECK(resolve(task, "train").size() == 1);
  CHECK(task.split_dataset_ratio == 0);
}

TEST_CASE("the verbs pt, sft and rlhf set the method") {
  CHECK(resolved("method: sft\n", "pt").method == "pt");
  CHECK(resolved("", "pt").loss_scale == "all");
  CHECK_FALSE(resolved("", "pt").use_chat_template);
  CHECK(resolved("loss_scale: last_round\n", "pt").loss_scale == "last_round");
  CHECK(resolved("rlhf_type: kto\n", "rlhf").method == "kto");
  CHECK_THROWS_AS(resolved("", "rlhf"), Error);
  Task task = given("", {"--method", "dpo"}).task;
  CHECK_THROWS_AS(resolve(task, "sft"), Error);
}

TEST_CASE("training from scratch trains every weight") {
  CHECK(resolved("train_from_scratch: true\n").tuner_type == "full");
  CHECK_THROWS_AS(resolved("train_from_scratch: true\ntuner_type: lora\n"), Error);
}

TEST_CASE("system is a text with written line breaks, or comes from a file") {
  CHECK(resolved("system: 'a\\nb'\n").system == "a\nb");
  const std::string file = given_file("system.txt", "from\nfile").string();
  CHECK(resolved("system: " + file + "\n").system == "from\nfile");
  CHECK_THROWS_AS(resolved("system: /nonexistent.txt\n"), Error);
}

TEST_CASE("infer takes the model and the template from the args.json of the run, not what the user gave") {
  const auto args =
      given_file("run/args.json",
                 R"({"model": "base", "system": "s.txt", "lora_rank": 4, "max_length": 9, "seed": 5,
      "output_dir": "o", "unknown": [], "learning_rate": 1, "deepspeed": null, "torch_dtype": null})");
  fs::create_directories(args.parent_path() / "checkpoint-1");
  const std::string adapters = "adapters: " + (args.parent_path() / "checkpoint-1").string() + "\n";
  const Task task = resolved(adapters + "max_length: 3\n", "infer");
  CHECK(task.model == "base");
  CHECK(task.system == "s.txt");
  CHECK(task.lora_rank == 4);
  CHECK(task.max_length == 3);
  CHECK(task.seed == 42);
  CHECK(task.output_dir == "output");
  CHECK(task.torch_dtype == "auto");
  CHECK(task.origins.at("model").str() == args.string());
  CHECK(resolved(adapters + "load_args: false\n", "infer").model.empty());
  CHECK(resolved(adapters, "train").model.empty());
  CHECK(resolved("adapters: " + args.parent_path().string() + "\n", "export").model == "base");
  CHECK(resolved("adapters: " + args.parent_path().string() + "/checkpoint-1/\n", "export").model == "base");
}

TEST_CASE("an args.json that is broken ends with the model's exit code or a report") {
  const auto args = given_file("broken/args.json", "{");
  const std::string adapters = "adapters: " + args.parent_path().string() + "\n";
  CHECK_THROWS_AS(resolved(adapters, "infer"), Error);
  given_file("broken/args.json", "[]");
  CHECK_THROWS_AS(resolved(adapters, "infer"), Error);
  given_file("broken/args.json", R"({"lora_rank": "many"})");
  CHECK_THROWS_AS(resolved(adapters, "infer"), ConfigError);
}

TEST_CASE("a verb names everything that it lacks") {
  const Task task = resolved("");
  try {
    require(task, "train");
    FAIL("nothing was required");
  } catch (const ConfigError& error) {
    CHECK(error.problems().size() == 2);
  }
  CHECK_THROWS_AS(require(task, "infer"), ConfigError);
  CHECK_THROWS_AS(require(task, "export"), ConfigError);
  CHECK_NOTHROW(require(resolved("model: m\n"), "infer"));
}

TEST_CASE("a model directory is made absolute for training, so that args.json finds it again") {
  const fs::path old = fs::current_path();
  const fs::path folder = given_file("models/m/config.json", "{}").parent_path();
  fs::current_path(folder.parent_path());
  CHECK(fs::equivalent(resolved("model: m\n").model, folder));
  CHECK(fs::path(resolved("model: m\n").model).is_absolute());
  CHECK(resolved("model: m\n", "infer").model == "m");
  fs::current_path(old);
}

TEST_CASE("accumulation is 16 over the batch size, rounded up") {
  const auto steps = [](const std::string& batch) {
    return resolved("per_device_train_batch_size: " + batch + "\n").gradient_accumulation_steps;
  };
  CHECK(steps("1") == 16);
  CHECK(steps("5") == 4);
  CHECK(steps("15") == 2);
  CHECK(steps("16") == 1);
  CHECK(steps("9223372036854775807") == 1);
}

TEST_CASE("a fault in an args.json names the file and the setting") {
  const auto args = given_file("fault/args.json", R"({"lora_rank": 0, "lora_dropout": 2})");
  Task task = given("adapters: " + args.parent_path().string() + "\n").task;
  try {
    resolve(task, "infer");
    FAIL("nothing was refused");
  } catch (const ConfigError& error) {
    CHECK(contains(error.what(), args.string() + ": error: lora_rank: 0 is below 1\n"));
    CHECK(contains(error.what(), args.string() + ": error: lora_dropout: 2 is not below 1\n2 errors"));
  }
}
