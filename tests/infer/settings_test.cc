#include "infer/settings.h"

#include <catch2/catch.hpp>

#include "base/error.h"
#include "fake_model.h"

using namespace swift;
using namespace swift::infer;
using base::Json;

TEST_CASE("generation_config gives what the task leaves open") {
  const Json model = {{"do_sample", true},     {"temperature", 0.6},         {"top_k", 20},
                      {"top_p", 0.95},         {"repetition_penalty", 1.05}, {"max_new_tokens", 99},
                      {"eos_token_id", {7, 9}}};
  const Settings settings = resolve_settings({}, model);
  CHECK(settings.sampling.temperature == 0.6);
  CHECK(settings.sampling.top_k == 20);
  CHECK(settings.sampling.top_p == 0.95);
  CHECK(settings.sampling.min_p == 0);
  CHECK(settings.sampling.repetition_penalty == 1.05);
  CHECK(settings.sampling.max_new_tokens == 99);
  CHECK(settings.sampling.seed == 42);
  CHECK(settings.eos_token_ids == std::vector<int32_t>{7, 9});

  config::Task task;
  task.temperature = 0.1;
  task.top_k = 3;
  task.top_p = 0.5;
  task.min_p = 0.25;
  task.repetition_penalty = 1.0;
  task.max_new_tokens = 4;
  task.seed = 8;
  task.stop_words = {"END"};
  const SamplingParams own = resolve_settings(task, model).sampling;
  CHECK(own.temperature == 0.1);
  CHECK(own.top_k == 3);
  CHECK(own.top_p == 0.5);
  CHECK(own.min_p == 0.25);
  CHECK(own.repetition_penalty == 1.0);
  CHECK(own.max_new_tokens == 4);
  CHECK(own.seed == 8);
  CHECK(own.stop == std::vector<std::string>{"END"});
}

TEST_CASE("a model samples only when do_sample or the task says so") {
  CHECK(resolve_settings({}, nullptr).sampling.temperature == 0);
  CHECK(resolve_settings({}, Json::object()).sampling.temperature == 0);
  CHECK(resolve_settings({}, {{"do_sample", true}}).sampling.temperature == 1);
  CHECK(resolve_settings({}, {{"do_sample", false}, {"temperature", 0.7}}).sampling.temperature == 0);
  CHECK(resolve_settings({}, {{"do_sample", nullptr}, {"top_k", nullptr}}).sampling.temperature == 0);
  config::Task task;
  task.temperature = 0.3;
  CHECK(resolve_settings(task, {{"do_sample", false}}).sampling.temperature == 0.3);
}

TEST_CASE("without a limit answers have 512 tokens at most") {
  CHECK(resolve_settings({}, nullptr).sampling.max_new_tokens == kDefaultMaxNewTokens);
}

TEST_CASE("eos_token_id is a number or a list") {
  CHECK(resolve_settings({}, {{"eos_token_id", 5}}).eos_token_ids == std::vector<int32_t>{5});
  CHECK(resolve_settings({}, {{"eos_token_id", nullptr}}).eos_token_ids.empty());
}

TEST_CASE("a malformed generation_config is a model error, a bad task value a usage error") {
  const auto code_of = [](const config::Task& task, const Json& model) {
    try {
      resolve_settings(task, model);
    } catch (const base::Error& error) {
      return error.code();
    }
    return base::ExitCode::ok;
  };
  for (const char* text : {R"([1])", R"({"top_k":"x"})", R"({"do_sample":1})", R"({"eos_token_id":["a"]})",
                           R"({"eos_token_id":-1})", R"({"eos_token_id":99999999999})", R"({"top_k":1.5})"}) {
    CHECK(code_of({}, Json::parse(text)) == base::ExitCode::model);
  }
  config::Task task;
  task.top_p = 3;
  CHECK(code_of(task, nullptr) == base::ExitCode::usage);
}

TEST_CASE("system is a text with escaped line breaks, or a .txt file") {
  config::Task task;
  CHECK_FALSE(system_text(task).has_value());
  task.system = "You are\\nbrief.\n";
  CHECK(system_text(task) == "You are\nbrief.\n");
  const fake::TemporaryFolder folder;
  std::ofstream(folder.path / "system.txt") << "From a file\\n";
  task.system = (folder.path / "system.txt").string();
  CHECK(system_text(task) == "From a file\\n");
  task.system = (folder.path / "absent.txt").string();
  CHECK_THROWS_AS(system_text(task), base::Error);
}
