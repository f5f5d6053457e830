// GRPO as a user runs it: what a run leaves, rollouts by a server, and what goes wrong.
#include <catch2/catch.hpp>

#include "server.h"

using namespace swift;
using namespace swift::tests;

namespace {

std::string problems(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text += R"({"messages": [{"role": "user", "content": "say )" + std::to_string(i % 7) +
            R"( and 1"}], "solution": ")" + std::to_string(i % 7) + "\"}\n";
  }
  return text;
}

std::vector<std::string> grpo_words(const fs::path& output, const std::vector<std::string>& more = {}) {
  write(output.parent_path() / "problems.jsonl", problems(8));
  std::vector<std::string> words = {"train",
                                    "--method",
                                    "grpo",
                                    "--model",
                                    fixture().model,
                                    "--dataset",
                                    output.parent_path() / "problems.jsonl",
                                    "--output_dir",
                                    output,
                                    "--add_version",
                                    "false",
                                    "--num_generations",
                                    "4",
                                    "--per_device_train_batch_size",
                                    "8",
                                    "--max_completion_length",
                                    "6",
                                    "--max_steps",
                                    "2",
                                    "--logging_steps",
                                    "1",
                                    "--lora_rank",
                                    "2",
                                    "--temperature",
                                    "1"};
  if (std::find(more.begin(), more.end(), "--reward_funcs") == more.end())
    words.insert(words.end(), {"--reward_funcs", "length:3", "accuracy"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("a GRPO run leaves the files and fields of the contract, and its adapter answers") {
  const fs::path output = scratch("grpo") / "run";
  const Outcome trained =
      swift::tests::swift(grpo_words(output, {"--val_dataset", output.parent_path() / "problems.jsonl",
                                              "--eval_strategy", "steps", "--eval_steps", "2"}));
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.out.empty());
  const std::string log = contents(output / "logging.jsonl");
  for (const char* key : {"\"reward\":", "\"reward_std\":", "\"kl\":", "\"completions/mean_length\":",
                          "\"completions/clipped_ratio\":", "\"rewards/accuracy/mean\":", "\"eval_reward\":",
                          "\"generation_share\":"}) {
    CAPTURE(key);
    CHECK(log.find(key) != std::string::npos);
  }
  CHECK(std::count_if(log.begin(), log.end(), [](char c) { return c == '\n'; }) >= 4);
  const std::string completions = contents(output / "completions.jsonl");
  CHECK(std::count(completions.begin(), completions.end(), '\n') == 16);
  const fs::path checkpoint =
      last_line(output / "logging.jsonl").at("last_model_checkpoint").get<std::string>();
  CHECK(fs::exists(checkpoint / "adapter_model.safetensors"));
  CHECK(fs::exists(checkpoint / "grpo_state.json"));
  CHECK(swift::tests::swift(
            {"infer", "--adapters", checkpoint, "--prompt", "say 3 and 1", "--max_new_tokens", "4"})
            .code == 0);
}

TEST_CASE("rollouts come from a server that gets the adapter after each update") {
  Deployed server(fixture().model);
  const std::string url = "http://127.0.0.1:" + std::to_string(server.port());
  for (const char* ahead : {"false", "true"}) {
    CAPTURE(ahead);
    const fs::path output = scratch(std::string("grpo-server-") + ahead) / "run";
    const Outcome trained = swift::tests::swift(
        grpo_words(output, {"--base_url", url + "/v1", "--async_generate", ahead, "--max_steps", "3",
                            "--rollout_importance_sampling_mode", "token_truncate"}));
    INFO(trained.err);
    INFO(server.log());
    REQUIRE(trained.code == 0);
    const std::string log = contents(output / "logging.jsonl");
    const base::Json first = base::Json::parse(log.substr(0, log.find('\n')));
    CHECK(first.at("sampling/sampling_logp_difference/max").get<double>() < 1e-3);
    CHECK(first.at("sampling/importance_sampling_ratio/mean").get<double>() == Approx(1.0).margin(1e-3));
    if (ahead == std::string("true")) CHECK(log.find("\"staleness\":1.0") != std::string::npos);
    CHECK((!fs::exists(output / "rollout_adapters") || fs::is_empty(output / "rollout_adapters")));
  }
}

TEST_CASE("a rollout server that nobody runs is an error before the first step") {
  const fs::path output = scratch("grpo-nobody") / "run";
  const Outcome failed = swift::tests::swift(
      grpo_words(output, {"--base_url", "http://127.0.0.1:9", "--vllm_server_timeout", "0.5"}));
  CHECK(failed.code == 75);
  CHECK(failed.err.find("127.0.0.1:9") != std::string::npos);
  CHECK(failed.err.find("start the rollout server") != std::string::npos);
}

TEST_CASE("settings that cannot work are refused before anything is loaded") {
  const fs::path output = scratch("grpo-refused") / "run";
  const auto refused = [&](const std::vector<std::string>& more, const std::string& what) {
    const Outcome failed = swift::tests::swift(grpo_words(output, more));
    INFO(failed.err);
    CHECK(failed.code == 2);
    CHECK(failed.err.find(what) != std::string::npos);
  };
  refused({"--num_generations", "1"}, "1 is below 2");
  refused({"--num_generations", "3"}, "does not divide");
  refused({"--temperature", "0"}, "temperature: 0");
  refused({"--reward_funcs", "acuracy"}, "accuracy");
  refused({"--reward_weights", "1"}, "reward_weights has 1 numbers for 2 rewards");
  refused({"--async_generate", "true"}, "async_generate needs base_url");
  refused({"--base_url", "http://127.0.0.1:9", "--tuner_type", "full"}, "tuner_type");
  refused({"--gradient_accumulation_steps", "2", "--steps_per_generation", "3"}, "do not divide each other");
  refused({"--max_completion_length", "4000"}, "leaves no room");
}

TEST_CASE("a reward command that hangs, dies or counts wrongly ends the run with the row") {
  const auto failing = [&](const std::string& name, const std::string& program, const std::string& what) {
    const fs::path output = scratch("grpo-" + name) / "run";
    const Outcome failed =
        swift::tests::swift(grpo_words(output, {"--reward_funcs", "command:sh -c '" + program + "'",
                                                "--reward_timeout", "0.5", "--reward_max_retries", "0"}));
    INFO(failed.err);
    CHECK(failed.code == 1);
    CHECK(failed.err.find(what) != std::string::npos);
  };
  failing("hang", "sleep 60", "did not answer in 0.5 seconds");
  failing("die", "exit 7", "status 7");
  failing("count", "echo 1", "1 lines for 8 rows");
  failing("nan", "while read l; do echo nan; done", "problems.jsonl:");
  failing("nothing", "cat >/dev/null", "0 lines for 8 rows");
}

TEST_CASE("a run whose rewards never differ says that it has learnt nothing") {
  const fs::path output = scratch("grpo-dull") / "run";
  const Outcome trained = swift::tests::swift(grpo_words(output, {"--reward_funcs", "regex:^never$"}));
  INFO(trained.err);
  CHECK(trained.code == 0);
  CHECK(trained.err.find("all rewards are equal") != std::string::npos);
  CHECK(trained.err.find("this run has learnt nothing") != std::string::npos);
}

TEST_CASE("a signal during GRPO leaves a checkpoint from which the run continues") {
  const fs::path output = scratch("grpo-signal") / "run";
  std::vector<std::string> words = grpo_words(output, {"--max_steps", "4000"});
  Command command{.words = words};
  command.when = [&] { return contents(output / "logging.jsonl").find("\"step\":3") != std::string::npos; };
  command.signal = SIGTERM;
  const Outcome stopped = run(command);
  INFO(stopped.err);
  CHECK(stopped.code == 143);
  const fs::path checkpoint =
      last_line(output / "logging.jsonl").at("last_model_checkpoint").get<std::string>();
  REQUIRE(fs::exists(checkpoint / "grpo_state.json"));
}

TEST_CASE("on the demo's model GRPO at least doubles the accuracy on held-out sums") {
  const fs::path at = scratch("grpo-learns"), source(SWIFT_SOURCE_DIR);
  const auto in_source = [&](const std::vector<std::string>& words) {
    const std::string demo = (source / "assets/demo/").string();
    std::vector<std::string> all = words;
    all.insert(all.end(), {"--model", demo + "base", "--add_version", "false"});
    return swift::tests::swift(all);
  };
  const std::string demo = (source / "assets/demo/").string();
  const Outcome begun = in_source({"train", (source / "configs/demo/grpo_start.yaml").string(), "--dataset",
                                   demo + "instruct.jsonl", "--output_dir", (at / "start").string()});
  INFO(begun.err);
  REQUIRE(begun.code == 0);
  const std::string start =
      last_line(at / "start/logging.jsonl").at("last_model_checkpoint").get<std::string>();
  const Outcome trained =
      in_source({"train", (source / "configs/demo/grpo.yaml").string(), "--dataset",
                 demo + "arithmetic.jsonl", "--val_dataset", demo + "arithmetic_heldout.jsonl", "--adapters",
                 start, "--output_dir", (at / "run").string(), "--max_steps", "80", "--eval_steps", "40"});
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  std::vector<double> accuracy;
  std::ifstream log(at / "run/logging.jsonl");
  for (std::string line; std::getline(log, line);) {
    const base::Json json = base::Json::parse(line);
    if (json.contains("eval_reward")) accuracy.push_back(json.at("eval_reward").get<double>());
  }
  REQUIRE(accuracy.size() >= 2);
  CHECK(accuracy.front() > 0);
  CHECK(accuracy.back() >= 2 * accuracy.front());
}
