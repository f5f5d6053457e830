#include <catch2/catch.hpp>

#include "config/fields.h"
#include "config/names.h"
#include "given.h"

using namespace swift::config;

TEST_CASE("an empty task has ms-swift's defaults") {
  const Task task = given("").task;
  CHECK(task.lora_rank == 8);
  CHECK(task.lora_alpha == 32);
  CHECK(task.lora_dropout == 0.05);
  CHECK(task.target_modules == std::vector<std::string>{"all-linear"});
  CHECK(task.weight_decay == 0.1);
  CHECK(task.adam_beta2 == 0.95);
  CHECK(task.lr_scheduler_type == "cosine");
  CHECK_FALSE(task.learning_rate);
  CHECK(task.origins.empty());
}

TEST_CASE("every fault of a run is reported, in the order of the file, with the line and a caret") {
  CHECK(fault_of("model: m\nlora_rank: 0\n  \nlearning_rat: 1e-4\n") ==
        "task.yaml:2:12: error: lora_rank: 0 is below 1\n"
        "    2 | lora_rank: 0\n"
        "      |            ^\n"
        "task.yaml:4:1: error: unknown key 'learning_rat'; did you mean 'learning_rate'?\n"
        "    4 | learning_rat: 1e-4\n"
        "      | ^~~~~~~~~~~~\n"
        "2 errors; nothing was run");
}

TEST_CASE("the caret stands under the character, also behind wider text") {
  CHECK(fault_of("{ \"größe\": 1, lora_rank: abc }\n") ==
        "task.yaml:1:3: error: unknown key 'größe'\n"
        "    1 | { \"größe\": 1, lora_rank: abc }\n"
        "      |   ^~~~~~~\n"
        "task.yaml:1:26: error: lora_rank: 'abc' is not an integer\n"
        "    1 | { \"größe\": 1, lora_rank: abc }\n"
        "      |                          ^~~\n"
        "2 errors; nothing was run");
}

TEST_CASE("duplicate keys are refused at any depth") {
  CHECK(contains(fault_of("seed: 1\nseed: 1\n"),
                 "task.yaml:2:1: error: duplicate key 'seed'; first given on line 1"));
  CHECK(contains(fault_of("deploy:\n  service: {port: 1, port: 2}\n"),
                 "task.yaml:2:22: error: duplicate key 'port'"));
}

TEST_CASE("a value of the wrong type or out of range is named with what would be right") {
  const auto expect = [](const std::string& yaml, const std::string& message) {
    CAPTURE(yaml, fault_of(yaml));
    CHECK(contains(fault_of(yaml), "error: " + message));
  };
  expect("packing: maybe", "packing: 'maybe' is neither true nor false");
  expect("seed: 1.5", "seed: '1.5' is not an integer");
  expect("seed: 99999999999999999999", "seed: 99999999999999999999 does not fit in 64 bits");
  expect("learning_rate: fast", "learning_rate: 'fast' is not a number");
  expect("learning_rate: .nan", "learning_rate: '.nan' is not a number");
  expect("learning_rate: nan", "learning_rate: 'nan' is not a number");
  expect("lora_dropout: 1", "lora_dropout: 1 is not below 1");
  expect("top_p: 0", "top_p: 0 is not above 0");
  expect("warmup_ratio: 2", "warmup_ratio: 2 is above 1");
  expect("method: dop",
         "method: 'dop' is not one of pt, sft, dpo, kto, orpo, cpo, simpo, rm, grpo; did you mean 'dpo'?");
  expect("model: [a, b]", "model: a list where text is expected");
  expect("dataset: {a: b}", "dataset: a map where a list of texts is expected");
  expect("dataset: [[a]]", "dataset: an element of a list must be a plain value");
  expect("seed:", "seed: needs a value: an integer of at least 0");
  expect("columns: nothing", "columns: 'nothing' is not a JSON object");
  expect("report_to: [wandb]", "report_to: 'wandb' is not one of tensorboard, none");
}

TEST_CASE("null unsets an optional setting and empties a list") {
  const Task task = given("learning_rate: null\ntarget_modules: ~\nmax_length:\n").task;
  CHECK_FALSE(task.learning_rate);
  CHECK(task.target_modules.empty());
  CHECK_FALSE(task.max_length);
}

TEST_CASE("lists, words and maps are read as users write them") {
  const Task task = given(
                        "dataset: a.jsonl b.jsonl\nval_dataset: \"one file.jsonl\"\nstop_words: [a b, '#']\n"
                        "columns: {q: query, a: response}\nsave_strategy: no\ninit_weights: true\n"
                        "learning_rate: 1e-4\nlora_alpha: 16\nstream: off\nprompt: \"line\\nline\"\n")
                        .task;
  CHECK(task.dataset == std::vector<std::string>{"a.jsonl", "b.jsonl"});
  CHECK(task.val_dataset == std::vector<std::string>{"one file.jsonl"});
  CHECK(task.stop_words == std::vector<std::string>{"a b", "#"});
  CHECK(task.columns == R"({"q":"query","a":"response"})");
  CHECK(task.save_strategy == "no");
  CHECK(task.init_weights == "true");
  CHECK(task.learning_rate == 1e-4);
  CHECK(task.lora_alpha == 16);
  CHECK_FALSE(task.stream);
  CHECK(task.prompt == "line\nline");
}

TEST_CASE("a JSON file is a task file, and aliases of YAML work") {
  CHECK(given(R"({"model": "m", "lora_rank": 4})").task.lora_rank == 4);
  const Task task = given("dataset: &d [a.jsonl]\nval_dataset: *d\n").task;
  CHECK(task.val_dataset == task.dataset);
}

TEST_CASE("older names work with a warning, and not beside the new name") {
  const Loaded loaded =
      given("train_type: full\nlora_target_modules: q_proj\nrlhf_type: dpo\n", {"--sft_type", "lora"});
  CHECK(loaded.task.tuner_type == "lora");
  CHECK(loaded.task.target_modules == std::vector<std::string>{"q_proj"});
  CHECK(loaded.task.method == "dpo");
  REQUIRE(loaded.warnings.size() == 3);
  CHECK(
      contains(loaded.warnings[0], "task.yaml:1:1: warning: deprecated key 'train_type'; use 'tuner_type'"));
  CHECK(contains(loaded.warnings[2], "--sft_type"));
  CHECK(contains(fault_of("tuner_type: lora\ntrain_type: full\n"),
                 "'train_type' and 'tuner_type' are the same setting"));
  CHECK(contains(fault_of("train_type: full\ntuner_type: lora\n"), "are the same setting"));
}

TEST_CASE("what ms-swift knows and this build does not is refused with the reason") {
  CHECK(contains(fault_of("deepspeed: zero2\n"),
                 "'deepspeed' is an ms-swift argument that this version does not have"));
  CHECK(contains(fault_of("ENV: {A: 1}\n"), "the ENV map is not supported"));
  CHECK(contains(fault_of("", {"--deepspeed", "zero2"}),
                 "--deepspeed: error: 'deepspeed' is an ms-swift argument"));
}

TEST_CASE("no name is both a setting and refused or an alias") {
  Task task;
  for (const Field& field : fields(task)) {
    CAPTURE(field.key);
    CHECK_FALSE(refusal(field.key));
    CHECK(find_alias(field.key) == nullptr);
  }
}

TEST_CASE("the environment and flags are checked in the same run and named") {
  const std::string report =
      fault_of("seed: x\n", {"--top_k", "many", "--learning_rat=1"}, {{"SWIFT_MAX_STEPS", "x"}});
  CHECK(contains(report, "task.yaml:1:7: error: seed: 'x' is not an integer"));
  CHECK(contains(report, "SWIFT_MAX_STEPS: error: 'x' is not an integer"));
  CHECK(contains(report, "--top_k: error: 'many' is not an integer"));
  CHECK(contains(report,
                 "--learning_rat: error: unknown flag '--learning_rat'; did you mean '--learning_rate'?"));
  CHECK(contains(report, "4 errors; nothing was run"));
}

TEST_CASE("flag beats environment beats file beats default, and each origin is kept") {
  const Task task = given("lora_rank: 4\nlora_alpha: 4\nmax_length: 4\n", {"--lora_rank", "16"},
                          {{"SWIFT_LORA_RANK", "9"}, {"SWIFT_LORA_ALPHA", "9"}, {"SWIFT_DATASET", "a b"}})
                        .task;
  CHECK(task.lora_rank == 16);
  CHECK(task.lora_alpha == 9);
  CHECK(task.max_length == 4);
  CHECK(task.dataset == std::vector<std::string>{"a", "b"});
  CHECK(task.origins.at("lora_rank").str() == "--lora_rank");
  CHECK(task.origins.at("lora_alpha").str() == "SWIFT_LORA_ALPHA");
  CHECK(contains(task.origins.at("max_length").str(), "task.yaml:3:13"));
  CHECK(task.is_set("max_length"));
  CHECK_FALSE(task.is_set("seed"));
}

TEST_CASE("a variable that is nearly a setting is pointed out, one of Kubernetes is not") {
  CHECK(given("", {}, {{"SWIFT_LERNING_RATE", "1"}}).warnings.size() == 1);
  CHECK(given("", {}, {{"SWIFT_SERVICE_HOST", "10.0.0.1"}, {"SWIFT_PORT", "tcp://10.0.0.1:80"}})
            .warnings.empty());
}

TEST_CASE("deploy is kept as a tree with the place and the text of every part") {
  const Task task =
      given("deploy:\n  service: {port: 80}\n  labels: {a/b: 0777, c: \"1\"}\n  image_pull_secrets: [x]\n",
            {"--set", "deploy.service.name=front", "--deploy.replicas", "3"})
          .task;
  CHECK(task.deploy.value.at("service") == swift::base::Json::parse(R"({"port":80,"name":"front"})"));
  CHECK(task.deploy.value.at("replicas") == 3);
  CHECK(task.deploy.where.at("/service/port").line == 2);
  CHECK(task.deploy.where.at("/service/port").column == 13);
  CHECK(task.deploy.where.at("/labels/a~1b").line == 3);
  CHECK(task.deploy.where.at("/image_pull_secrets/0").column == 24);
  CHECK(task.deploy.text.at("/labels/a~1b") == "0777");
}

TEST_CASE("the task of contract.md's manifest example is accepted") {
  const Task task = given(R"(model_type: qwen3-7b
dataset: dpo_feedback_v2
method: dpo
output_dir: /models/qwen3-dpo-v2
deploy:
  name: qwen3-support            # base of every object's name
  image: registry.example/swift@sha256:0123
  gpus: 1
  resources: {limits: {cpu: 16, memory: 48Gi}, requests: {cpu: 8, memory: 32Gi}}
  node_selector: {nvidia.com/gpu.product: NVIDIA-H200}
  tolerations: []
  storage: {nfs: {server: nfs.example, path: /models}, claim: null, size: 500Gi}
  secrets: [{name: hf-token, key: token, mount: /secrets/hf}, {name: api-keys, key: key, env: SWIFT_API_KEY}]
  train:
    schedule: "0 2 * * *"
    resources: {limits: {cpu: 32, memory: 128Gi}}
)")
                        .task;
  CHECK(task.method == "dpo");
  CHECK(task.deploy.value.at("train").at("schedule") == "0 2 * * *");
  CHECK(task.deploy.value.at("storage").at("claim").is_null());
}

TEST_CASE("a file that is missing, a directory or no map ends with usage") {
  CHECK_THROWS_AS(load_file("/nonexistent.yaml"), swift::base::Error);
  CHECK_THROWS_AS(load_file(fs::temp_directory_path()), swift::base::Error);
  CHECK(contains(fault_of("- a\n"), "a task is a map"));
  CHECK(contains(fault_of("just text"), "a task is a map"));
}
