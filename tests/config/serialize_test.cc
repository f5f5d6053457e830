#include "config/serialize.h"

#include <catch2/catch.hpp>

#include "config/fields.h"
#include "config/help.h"
#include "config/resolve.h"
#include "given.h"

using namespace swift::config;
using swift::base::Json;

namespace {
Task sample() {
  Task task =
      given(
          "model: m\ndataset: [a, b c]\nlearning_rate: 3e-5\ncolumns: {q: query}\nenable_thinking: false\n"
          "init_weights: true\nsave_strategy: no\nprompt: \"1 # not a comment\"\ndeploy: {name: d, gpus: "
          "1}\n")
          .task;
  resolve(task, "train");
  return task;
}
}  // namespace

TEST_CASE("a task survives args.json, in table order") {
  const Json written = to_json(sample());
  CHECK(written.begin().key() == "model");
  CHECK(written.at("learning_rate") == 3e-5);
  CHECK(written.at("gradient_accumulation_steps") == 16);
  CHECK(written.at("max_length").is_null());
  Task read;
  from_json(read, Json::parse(written.dump()), {Source::args_json, {"args.json"}, {}});
  CHECK(to_json(read) == written);
}

TEST_CASE("the hash depends on the settings and not on their origins") {
  const Task a = given("lora_rank: 16\nseed: 1\n").task;
  const Task b = given("", {"--seed", "1", "--lora_rank", "16"}).task;
  CHECK(hash(a) == hash(b));
  CHECK(hash(a) != hash(given("lora_rank: 17\nseed: 1\n").task));
  CHECK(hash(a).size() == 16);
}

TEST_CASE("what config show prints loads back to the same settings") {
  const std::string shown = show(sample());
  CHECK(contains(shown, "\nlearning_rate: 3e-05  # "));
  Task again = given(shown).task;
  resolve(again, "train");
  CHECK(to_json(again) == to_json(sample()));
  CHECK(show_json(sample()).at("seed") == Json::parse(R"({"value": 42, "origin": "default"})"));
}

TEST_CASE("every field stands in help, schema and reference page, with help text and lines of 80 columns") {
  const Json schema = json_schema();
  const std::string page = reference_page();
  Task task;
  for (const Field& field : fields(task)) {
    CAPTURE(field.key);
    CHECK_FALSE(field.help.empty());
    CHECK(contains(settings_help(field.readers), "  --" + std::string(field.key)));
    CHECK(schema.at("properties").contains(std::string(field.key)));
    CHECK(contains(page, "| `" + std::string(field.key) + "` |"));
    CHECK(contains(explain(field.key), "--" + std::string(field.key)));
  }
  std::istringstream lines(settings_help(kEvery));
  for (std::string line; std::getline(lines, line);) CHECK(line.size() <= 80);
}

TEST_CASE("the schema takes what the reader takes") {
  const Json properties = json_schema().at("properties");
  CHECK(properties.at("lora_rank").at("minimum") == 1);
  CHECK(properties.at("lora_rank").at("type") == "integer");
  CHECK(properties.at("lora_dropout").at("exclusiveMaximum") == 1);
  CHECK(properties.at("init_weights").at("type").back() == "boolean");
  CHECK(properties.at("train_type").at("deprecated") == true);
  CHECK(properties.at("rlhf_type").at("enum").size() == 9);
  CHECK(properties.at("learning_rate").at("anyOf").size() == 2);
  CHECK(json_schema().at("$schema") == "https://json-schema.org/draft/2020-12/schema");
}

TEST_CASE("an unknown key is explained by its nearest") {
  CHECK_THROWS_WITH(explain("lora_rnak"), Catch::Contains("did you mean 'lora_rank'?"));
  CHECK_THROWS_WITH(explain("deepspeed"), Catch::Contains("does not have yet"));
  CHECK(contains(explain("train_type"), "tuner_type"));
}
