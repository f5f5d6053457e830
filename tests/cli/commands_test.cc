#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

TEST_CASE("every verb of the contract is listed and has help") {
  const Outcome help = swift::tests::swift({"--help"});
  REQUIRE(help.code == 0);
  for (const char* verb : {"train", "infer", "deploy", "export", "eval", "web", "estimate", "config",
                           "models", "tokenize", "template", "bench", "doctor", "completion", "version"}) {
    CAPTURE(verb);
    CHECK(help.out.find(std::string("\n  ") + verb + " ") != std::string::npos);
    CHECK(swift::tests::swift({verb, "--help"}).code == 0);
  }
}

TEST_CASE("verbs of later builds say so in one line and end with 2") {
  for (const char* verb : {"eval", "web", "estimate", "models", "bench"}) {
    const Outcome outcome = swift::tests::swift({verb});
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  }
}

TEST_CASE("an unknown verb is answered with the nearest") {
  const Outcome outcome = swift::tests::swift({"trian"});
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("did you mean 'train'") != std::string::npos);
}

TEST_CASE("a flag wins over the environment, that over the file, that over the default") {
  const fs::path at = scratch("precedence");
  write(at / "task.yaml", "lora_rank: 4\nlora_alpha: 4\nmax_length: 4\n");
  const Outcome shown = run({.words = {"config", "show", at / "task.yaml", "--lora_rank", "16"},
                             .environment = {"SWIFT_LORA_RANK=9", "SWIFT_LORA_ALPHA=9"}});
  INFO(shown.err);
  REQUIRE(shown.code == 0);
  CHECK(shown.out.find("lora_rank: 16  # --lora_rank\n") != std::string::npos);
  CHECK(shown.out.find("lora_alpha: 9.0  # SWIFT_LORA_ALPHA\n") != std::string::npos);
  CHECK(shown.out.find("task.yaml:3:13\n") != std::string::npos);
  CHECK(shown.out.find("lora_dropout: 0.05  # default\n") != std::string::npos);
  CHECK(shown.out.find("gradient_accumulation_steps: 16  # default (derived)\n") != std::string::npos);
}

TEST_CASE("the schema knows every key of the shipped tasks, and init validates against the table") {
  const base::Json schema = base::Json::parse(swift::tests::swift({"config", "schema"}).out);
  CHECK(schema.at("additionalProperties") == false);
  CHECK(schema.at("properties").at("lora_rank").at("default") == 8);
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(SWIFT_SOURCE_DIR) / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    CAPTURE(entry.path().string());
    CHECK(swift::tests::swift({"config", "validate", entry.path()}).code == 0);
  }
  const fs::path at = scratch("init");
  write(at / "task.yaml", swift::tests::swift({"config", "init"}).out);
  CHECK(swift::tests::swift({"config", "validate", at / "task.yaml"}).code == 0);
}

TEST_CASE("docs/settings.md is what config explain --all prints") {
  CHECK(contents(fs::path(SWIFT_SOURCE_DIR) / "docs/settings.md") ==
        swift::tests::swift({"config", "explain", "--all"}).out);
}

TEST_CASE("tokenize gives ids a line, the whole file, and text back") {
  const fs::path at = scratch("tokenize");
  write(at / "text", "say 3 and 1\nhere is 2\n");
  const Outcome lines = swift::tests::swift({"tokenize", "--model", fixture().model, at / "text"});
  REQUIRE(lines.code == 0);
  CHECK(std::count(lines.out.begin(), lines.out.end(), '\n') == 2);
  write(at / "ids", lines.out);
  CHECK(swift::tests::swift({"tokenize", "--model", fixture().model, "--decode", at / "ids"}).out ==
        contents(at / "text"));
  const base::Json whole = base::Json::parse(
      swift::tests::swift({"tokenize", "--model", fixture().model, "--whole", at / "text"}).out);
  CHECK(whole.size() > base::Json::parse(lines.out.substr(0, lines.out.find('\n'))).size());
}

TEST_CASE("template renders, and shows ids and labels as training sees them") {
  const fs::path at = scratch("render");
  write(
      at / "chat.json",
      R"({"messages": [{"role": "user", "content": "say 3 and 1"}, {"role": "assistant", "content": "here is 3"}]})");
  const Outcome text = swift::tests::swift({"template", "--model", fixture().model, at / "chat.json"});
  CHECK(text.out == "<|im_start|>user\nsay 3 and 1<|im_end|>\n<|im_start|>assistant\nhere is 3<|im_end|>\n");
  const base::Json ids = base::Json::parse(
      swift::tests::swift({"template", "--model", fixture().model, at / "chat.json", "--ids", "true"}).out);
  REQUIRE(ids.at("input_ids").size() == ids.at("labels").size());
  std::string trained = "[";
  for (const auto& label : ids.at("labels")) {
    if (label != -100) trained += (trained.size() > 1 ? "," : "") + label.dump();
  }
  write(at / "ids", trained + "]\n");
  CHECK(swift::tests::swift({"tokenize", "--model", fixture().model, "--decode", at / "ids"}).out ==
        "here is 3<|im_end|>\n");
}

TEST_CASE("version, doctor and completions print what scripts can read") {
  CHECK(base::Json::parse(swift::tests::swift({"version", "--json"}).out).contains("commit"));
  CHECK(base::Json::parse(swift::tests::swift({"doctor", "--json"}).out).at("compute_library") == true);
  for (const char* shell : {"bash", "zsh", "fish"})
    CHECK(swift::tests::swift({"completion", shell}).out.find("train") != std::string::npos);
  CHECK(swift::tests::swift({"completion", "tcsh"}).code == 2);
}
