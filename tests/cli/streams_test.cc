// What scripts around the executable rely on: streams, exit codes, help. Needs no model.
#include <catch2/catch.hpp>

#include "base/json.h"
#include "process.h"

using swift::base::Json;
using namespace swift::tests;
namespace tests = swift::tests;

namespace {

size_t widest(const std::string& text) {
  size_t widest = 0, columns = 0;
  for (const char byte : text) {
    if (byte == '\n')
      columns = 0;
    else if ((static_cast<unsigned char>(byte) & 0xC0) != 0x80)
      widest = std::max(widest, ++columns);
  }
  return widest;
}

}  // namespace

TEST_CASE("help fits 80 columns and names only what the verb takes") {
  CHECK(widest(tests::swift({"--help"}).out) <= 80);
  for (const char* verb : {"train", "infer", "export", "config", "tokenize", "template", "doctor"}) {
    CAPTURE(verb);
    const Outcome help = tests::swift({verb, "--help"});
    CHECK(help.code == 0);
    CHECK(widest(help.out) <= 80);
    CHECK(help.out == tests::swift({"help", verb}).out);
  }
  CHECK(tests::swift({"train", "--help"}).out.find("--lora_rank") != std::string::npos);
  CHECK(tests::swift({"infer", "--help"}).out.find("--lora_rank") == std::string::npos);
  CHECK(tests::swift({"tokenize", "--help"}).out.find("--vocab_size") != std::string::npos);
  CHECK(tests::swift({"help", "trian"}).code == 2);
}

TEST_CASE("no word at all, and a flag in the place of the verb, are usage errors") {
  CHECK(tests::swift({}).code == 2);
  CHECK(tests::swift({"--hlep"}).code == 2);
}

TEST_CASE("output that cannot be written is an error") {
  const Outcome full = run({.words = {"config", "schema"}, .out_file = "/dev/full"});
  CHECK(full.code == 1);
  CHECK(full.err.find("cannot write to standard output") != std::string::npos);
}

TEST_CASE("a task that only serves is valid, and what training would lack is told") {
  const fs::path at = scratch("serve");
  write(at / "task.yaml", "model: m\ndeploy: {name: a, gpus: 1}\n");
  const Outcome valid = tests::swift({"config", "validate", at / "task.yaml"});
  CHECK(valid.code == 0);
  CHECK(valid.out.empty());
  CHECK(valid.err.find("train needs a dataset") != std::string::npos);
}

TEST_CASE("config show as JSON gives every value with its origin") {
  const Outcome shown =
      run({.words = {"config", "show", "--json", "--lora_rank", "4"}, .environment = {"SWIFT_SEED=7"}});
  REQUIRE(shown.code == 0);
  const Json values = Json::parse(shown.out);
  CHECK(values.at("lora_rank") == Json::parse(R"({"value": 4, "origin": "--lora_rank"})"));
  CHECK(values.at("seed") == Json::parse(R"({"value": 7, "origin": "SWIFT_SEED"})"));
  CHECK(values.at("learning_rate").at("origin") == "default (derived)");
}

TEST_CASE("the verbs pt, sft and rlhf are train with a method") {
  const Outcome missing = tests::swift({"rlhf", "--rlhf_type", "dpo", "--model", "m", "--dataset", "d"});
  CHECK(missing.code == 4);
  CHECK(missing.err.find("m") != std::string::npos);
  CHECK(tests::swift({"rlhf"}).err.find("rlhf needs --rlhf_type") != std::string::npos);
  const Outcome lacking = tests::swift({"pt"});
  CHECK(lacking.code == 2);
  CHECK(lacking.err.find("2 errors; nothing was run") != std::string::npos);
}

TEST_CASE("misspelt, ill-typed, contradictory and missing settings are told in one run") {
  const fs::path at = scratch("all_at_once");
  write(at / "task.yaml", "learning_rat: 1\nlora_rank: many\ntrain_from_scratch: true\ntuner_type: lora\n");
  const Outcome refused = tests::swift({"train", at / "task.yaml", "--adapters", at / "none"});
  CHECK(refused.code == 2);
  for (const char* part :
       {"task.yaml:1:1: error: unknown key 'learning_rat'", "task.yaml:2:12: error: lora_rank",
        "train_from_scratch trains every weight", "no such directory", "train needs a model directory",
        "train needs a dataset", "6 errors"}) {
    CAPTURE(part, refused.err);
    CHECK(refused.err.find(part) != std::string::npos);
  }
  CHECK(refused.out.empty());
}

TEST_CASE("without the compute library beside it the executable says how to build it") {
  const fs::path at = scratch("alone");
  fs::copy_file(SWIFT_BINARY_DIR "/swift", at / "swift");
  const Outcome alone =
      run({.words = {"infer", "--model", "m", "--prompt", "hi"}, .executable = at / "swift"});
  CHECK(alone.code == 5);
  CHECK(alone.err.find("make build") != std::string::npos);
  CHECK(run({.words = {"version"}, .executable = at / "swift"}).code == 0);
}

TEST_CASE("template renders a Jinja file alone, and refuses a conversation that is none") {
  const fs::path at = scratch("jinja");
  write(at / "t.jinja",
        "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}>{% "
        "endif %}");
  write(at / "chat.json", R"({"messages": [{"role": "user", "content": "hi"}]})");
  const Outcome text = tests::swift(
      {"template", "--chat_template", at / "t.jinja", at / "chat.json", "--add_generation_prompt", "true"});
  INFO(text.err);
  CHECK(text.out == "user: hi\n>");
  write(at / "bad.json", R"({"messages": [], "add_generation_prompt": "yes"})");
  CHECK(tests::swift({"template", "--chat_template", at / "t.jinja", at / "bad.json"}).code == 3);
  write(at / "bad.json", "[");
  CHECK(tests::swift({"template", "--chat_template", at / "t.jinja", at / "bad.json"}).code == 3);
  CHECK(tests::swift({"template", at / "chat.json"}).code == 2);
}

TEST_CASE("a tokenizer trained here turns a whole text to ids and back, byte for byte") {
  const fs::path at = scratch("whole");
  write(at / "corpus.jsonl",
        "{\"text\": \"one two two three three three\"}\n{\"messages\": [{\"role\": \"user\", \"content\": "
        "\"two\"}]}\n");
  const Outcome trained = tests::swift(
      {"tokenize", "--train", at / "corpus.jsonl", "--vocab_size", "270", "--output_dir", at / "model"});
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.out.empty());
  const Json config = Json::parse(contents(at / "model/tokenizer_config.json"));
  CHECK(config.at("eos_token") == "<|im_end|>");
  const std::string text = "two\n\nthree <|im_end|> é\n";
  const Outcome ids = run({.words = {"tokenize", "--model", at / "model", "--whole"}, .input = text});
  REQUIRE(ids.code == 0);
  const Outcome back =
      run({.words = {"tokenize", "--model", at / "model", "--whole", "--decode"}, .input = ids.out});
  CHECK(back.out == text);
  CHECK(run({.words = {"tokenize", "--model", at / "model", "--decode"}, .input = "[99999]\n"}).code == 3);
  CHECK(run({.words = {"tokenize", "--model", at / "model", "--decode"}, .input = "{}\n"}).code == 3);
  CHECK(tests::swift(
            {"tokenize", "--train", at / "corpus.jsonl", "--vocab_size", "3", "--output_dir", at / "x"})
            .code == 2);
}

TEST_CASE("the completion of bash is a script that bash reads") {
  const Outcome script = tests::swift({"completion", "bash"});
  const fs::path at = scratch("completion");
  write(at / "swift.bash", script.out);
  CHECK(std::system(("bash -n " + (at / "swift.bash").string()).c_str()) == 0);
  CHECK(script.out.find("--lora_rank") != std::string::npos);
  CHECK(script.out.find("--vocab_size") != std::string::npos);
}
