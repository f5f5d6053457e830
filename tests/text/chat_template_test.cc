#include "text/chat_template.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "base/file.h"

using namespace swift;
using text::ChatTemplate;
using text::RenderOptions;
namespace fs = std::filesystem;

namespace {

std::tm fixed_time() {
  std::tm time{};
  time.tm_year = 126;
  time.tm_mday = 2;
  time.tm_hour = 3;
  time.tm_min = 4;
  time.tm_sec = 5;
  time.tm_wday = 5;
  time.tm_yday = 1;
  time.tm_isdst = -1;
  return time;
}

fs::path model_directory(const std::string& name) {
  const fs::path path = fs::temp_directory_path() / ("swift-chat-template-" + name);
  fs::remove_all(path);
  fs::create_directories(path);
  return path;
}

void write(const fs::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

const base::Json kHello = base::Json::array({{{"role", "user"}, {"content", "Hi"}}});

void check_case(const ChatTemplate& chat, const base::Json& input, const base::Json& wanted) {
  RenderOptions options;
  options.add_generation_prompt = input.value("generate", false);
  if (input.contains("tools")) options.tools = input["tools"];
  if (input.contains("variables")) options.variables = input["variables"];
  if (wanted.is_string()) {
    CHECK(chat.render(input["messages"], options) == wanted.get<std::string>());
    return;
  }
  try {
    chat.render(input["messages"], options);
    FAIL_CHECK("Python raises " << wanted["error"]);
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::data);
  }
}

}  // namespace

TEST_CASE("real chat templates render byte for byte as transformers renders them") {
  const fs::path folder = fs::path(SWIFT_SOURCE_DIR) / ".." / "shared" / "data" / "chat_templates";
  if (!fs::exists(folder)) {
    WARN("skipped: ../shared/data/chat_templates is absent");
    return;
  }
  const base::Json golden =
      base::read_json(std::string(SWIFT_SOURCE_DIR) + "/tests/golden/chat_templates.json");
  REQUIRE(golden["results"].size() == 24);
  for (const auto& [name, result] : golden["results"].items()) {
    const ChatTemplate chat =
        ChatTemplate::from_source(base::read_file(folder / name), golden["special_tokens"], name, fixed_time);
    for (const auto& [input, text] : result["cases"].items()) {
      CAPTURE(name, input);
      check_case(chat, golden["cases"][input], golden["texts"][text.get<size_t>()]);
    }
  }
}

TEST_CASE("chat_template.jinja wins over tokenizer_config.json, which wins over chat_template.json") {
  const fs::path model = model_directory("order");
  CHECK_FALSE(ChatTemplate::exists_in(model));
  CHECK_THROWS_AS(ChatTemplate::from_directory(model), base::Error);
  write(model / "chat_template.json", R"({"chat_template": "third"})");
  CHECK(ChatTemplate::exists_in(model));
  CHECK(ChatTemplate::from_directory(model).render(kHello) == "third");
  write(model / "tokenizer_config.json",
        R"({"chat_template": "second {{ bos_token }}", "bos_token": "<s>"})");
  CHECK(ChatTemplate::from_directory(model).render(kHello) == "second <s>");
  write(model / "chat_template.jinja", "first {{ bos_token }}\n");
  CHECK(ChatTemplate::from_directory(model).render(kHello) == "first <s>");
}

TEST_CASE("of named templates, default is taken, and tool_use when tools are given") {
  const fs::path model = model_directory("named");
  write(
      model / "tokenizer_config.json",
      R"({"chat_template": [{"name": "default", "template": "plain"}, {"name": "tool_use", "template": "{{ tools|length }}"}]})");
  const ChatTemplate chat = ChatTemplate::from_directory(model);
  CHECK(chat.render(kHello) == "plain");
  RenderOptions options;
  options.tools = base::Json::array({1, 2});
  CHECK(chat.render(kHello, options) == "2");
  write(model / "tokenizer_config.json", R"({"chat_template": [{"name": "rag", "template": "x"}]})");
  CHECK_THROWS_WITH(ChatTemplate::from_directory(model),
                    Catch::Contains("default") && Catch::Contains("rag"));
}

TEST_CASE("special tokens are texts or added tokens, and null ones stay undefined") {
  const fs::path model = model_directory("tokens");
  write(model / "chat_template.jinja",
        "{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}|{{ unk_token }}");
  write(
      model / "tokenizer_config.json",
      R"({"bos_token": {"content": "<b>", "lstrip": false}, "eos_token": "<e>", "pad_token": null, "add_bos_token": true})");
  write(model / "special_tokens_map.json", R"({"unk_token": {"content": "<u>"}})");
  const ChatTemplate chat = ChatTemplate::from_directory(model);
  CHECK(chat.render(kHello) == "<b>|<e>|False|<u>");
  CHECK(chat.special_tokens() ==
        base::Json({{"bos_token", "<b>"}, {"eos_token", "<e>"}, {"unk_token", "<u>"}}));
}

TEST_CASE("variables override special tokens and define what the caller wants") {
  const ChatTemplate chat = ChatTemplate::from_source(
      "{{ bos_token }} {{ enable_thinking }} {{ tools is none }} {{ documents is none }} {{ "
      "add_generation_prompt }}",
      {{"bos_token", "<s>"}}, "t");
  RenderOptions options;
  options.add_generation_prompt = true;
  options.variables = {{"bos_token", "<x>"}, {"enable_thinking", false}};
  CHECK(chat.render(kHello, options) == "<x> False True True True");
}

TEST_CASE("a malformed template is a model error with the file's name") {
  const fs::path model = model_directory("malformed");
  write(model / "chat_template.jinja", "{{ 1 }}\n{% if %}");
  try {
    ChatTemplate::from_directory(model);
    FAIL("no error");
  } catch (const base::Error& error) {
    CHECK(error.code() == base::ExitCode::model);
    CHECK(error.where().str() == (model / "chat_template.jinja").string() + ":2");
  }
  write(model / "chat_template.jinja", "{{ 1 }}");
  write(model / "tokenizer_config.json", "{\"chat_template\": 5");
  CHECK_THROWS_AS(ChatTemplate::from_directory(model), base::Error);
}

TEST_CASE("the clock of strftime_now is the system's unless one is given") {
  const std::time_t before = std::time(nullptr);
  const std::string year = ChatTemplate::from_source("{{ strftime_now('%Y') }}", {}, "t").render(kHello);
  const std::time_t after = std::time(nullptr);
  CHECK(std::stoi(year) >= std::localtime(&before)->tm_year + 1900);
  CHECK(std::stoi(year) <= std::localtime(&after)->tm_year + 1900);
  CHECK(ChatTemplate::from_source("{{ strftime_now('%d %b %Y') }}", {}, "t", fixed_time).render(kHello) ==
        "02 Jan 2026");
}
