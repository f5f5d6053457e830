#include <catch2/catch.hpp>

#include "given.h"

using namespace swift::config;

TEST_CASE("both spellings of a flag, hyphens and negative numbers are read") {
  const Task task =
      given("", {"--lora_rank", "16", "--lora_alpha=8", "--max-steps", "-1", "--top_k", "-1"}).task;
  CHECK(task.lora_rank == 16);
  CHECK(task.lora_alpha == 8);
  CHECK(task.max_steps == -1);
  CHECK(task.top_k == -1);
}

TEST_CASE("lists take words up to the next flag, or are repeated, and replace those of the file") {
  const Task task =
      given("dataset: [file.jsonl]\n", {"--dataset", "a b.jsonl", "c", "--seed", "1", "--dataset", "d"}).task;
  CHECK(task.dataset == std::vector<std::string>{"a b.jsonl", "c", "d"});
  CHECK(given("", {"--report_to="}).task.report_to.empty());
}

TEST_CASE("a boolean stands alone or with its value, and leaves the task file alone") {
  CHECK(given("", {"--packing", "--seed", "1"}).task.packing);
  CHECK_FALSE(given("packing: true\n", {"--packing", "false"}).task.packing);
  CHECK_FALSE(given("", {"--stream=no"}).task.stream);
  CHECK_FALSE(given("", {"--stream", "no"}).task.stream);
  CHECK(given("", {"--enable_thinking"}).task.enable_thinking == true);
  Request request;
  request.arguments = {"--packing", given_file("other.yaml", "seed: 7\n").string()};
  const Task task = load(request).task;
  CHECK(task.packing);
  CHECK(task.seed == 7);
}

TEST_CASE("of a repeated flag the last one counts") {
  CHECK(given("", {"--seed", "1", "--seed=2"}).task.seed == 2);
}

TEST_CASE("the flag --set takes YAML") {
  const Task task = given("", {"--set", "dataset=[a, b c]", "--set", "seed=3", "--set=max_length=null"}).task;
  CHECK(task.dataset == std::vector<std::string>{"a", "b c"});
  CHECK(task.seed == 3);
  CHECK(task.origins.at("seed").str() == "--set seed");
  CHECK(contains(fault_of("", {"--set", "seed"}), "--set: error: needs key=value"));
  CHECK(contains(fault_of("", {"--set", "sed=1"}), "did you mean '--seed'?"));
  CHECK(contains(fault_of("", {"--set", "dataset=[a"}), "is not a YAML value"));
  CHECK(contains(fault_of("", {"--set", "deploy..a=1"}), "an empty part"));
}

TEST_CASE("a value that is missing, and a word too many, are faults") {
  CHECK(contains(fault_of("", {"--seed", "--packing"}), "--seed: error: needs a value: an integer"));
  CHECK(contains(fault_of("", {"--dataset", "--packing"}), "--dataset: error: needs a value"));
  CHECK(contains(fault_of("", {"word"}), "word: error: unexpected argument"));
  CHECK(contains(fault_of("", {"-x"}), "-x: error: unknown option"));
}

TEST_CASE("the words after an unknown flag are not taken for the task file") {
  CHECK(contains(fault_of("", {"--modle", "dir"}), "1 error;"));
}

TEST_CASE("two dashes end the flags") {
  Request request;
  request.first_is_task = false;
  request.max_positional = 2;
  request.arguments = {"--", "--seed", "-x"};
  CHECK(load(request).positional == std::vector<std::string>{"--seed", "-x"});
}
