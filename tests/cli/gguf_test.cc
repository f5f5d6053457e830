// swift export --export_format gguf from the command line: files, defaults, Modelfile, what is refused.
#include <algorithm>
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

std::vector<std::string> gguf(const fs::path& output, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"export", "--model",      fixture().model.string(), "--export_format",
                                    "gguf",   "--output_dir", output.string()};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

TEST_CASE("export writes a GGUF file and a Modelfile beside it") {
  const fs::path output = scratch("gguf") / "out";
  const Outcome made = swift::tests::swift(gguf(output, {"--gguf_type", "q8_0", "--system", "Be brief."}));
  INFO(made.err);
  REQUIRE(made.code == 0);
  CHECK(made.out.empty());
  CHECK(contents(output / "model-Q8_0.gguf").starts_with("GGUF"));
  const std::string modelfile = contents(output / "Modelfile");
  INFO(modelfile);
  CHECK(modelfile.find("FROM ./model-Q8_0.gguf\n") != std::string::npos);
  CHECK(modelfile.find("SYSTEM \"\"\"Be brief.\"\"\"") != std::string::npos);
  SECTION("and not twice") {
    const Outcome again = swift::tests::swift(gguf(output));
    CHECK(again.code == 2);
    CHECK(again.err.find("the target directory exists") != std::string::npos);
  }
}

TEST_CASE("an adapter is merged into the GGUF file, the same bytes as from the merged model") {
  const fs::path output = scratch("gguf-lora");
  REQUIRE(swift::tests::swift(train_words(output / "run")).code == 0);
  const fs::path adapter = output / "run/checkpoint-6";
  // The file holds the model's name.
  const fs::path merged = output / "merged" / fixture().model.filename();
  REQUIRE(
      swift::tests::swift({"export", "--adapters", adapter, "--merge_lora", "true", "--output_dir", merged})
          .code == 0);
  const auto file_of = [&](const char* option, const fs::path& from) {
    const fs::path target = output / ("gguf" + std::string(option));
    const Outcome made = swift::tests::swift(
        {"export", option, from, "--to_ollama", "true", "--gguf_type", "f16", "--output_dir", target});
    INFO(made.err);
    REQUIRE(made.code == 0);
    return contents(target / "model-F16.gguf");
  };
  const bool same = file_of("--adapters", adapter) == file_of("--model", merged);
  CHECK(same);
}

TEST_CASE("settings of a GGUF export that exclude each other are refused, and nothing is written") {
  const fs::path output = scratch("gguf-refused") / "out";
  const auto refused = [&](const std::vector<std::string>& more, const std::string& said) {
    const Outcome outcome = swift::tests::swift(gguf(output, more));
    INFO(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.err.find(said) != std::string::npos);
    CHECK_FALSE(fs::exists(output));
  };
  refused({"--quant_method", "rtn"}, "quant_method: rtn and export_format: gguf exclude each other");
  refused({"--gguf_type", "q5_1"}, "gguf_type");
  const Outcome whole = swift::tests::swift({"export", "--model", fixture().model, "--gguf_type", "q8_0"});
  CHECK(whole.code == 2);
  CHECK(whole.err.find("gguf_type needs export_format: gguf") != std::string::npos);
}

TEST_CASE("QLoRA over a packed model: train, answer, plan, merge, and GGUF of it") {
  const fs::path output = scratch("packed-qlora");
  const fs::path base = output / "base";
  const Outcome quantized = swift::tests::swift({"export", "--model", fixture().model, "--quant_method",
                                                 "rtn", "--group_size", "-1", "--output_dir", base});
  INFO(quantized.err);
  REQUIRE(quantized.code == 0);
  std::vector<std::string> words = train_words(output / "run");
  *(std::find(words.begin(), words.end(), "--model") + 1) = base;
  const Outcome trained = swift::tests::swift(words);
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.err.find("linears packed as on disk") != std::string::npos);
  const fs::path adapter = output / "run/checkpoint-6";
  const auto answer = [&](const char* option, const fs::path& from) {
    return swift::tests::swift(
        {"infer", option, from, "--prompt", "say 3 and 1", "--temperature", "0", "--max_new_tokens", "12"});
  };
  const Outcome merged = swift::tests::swift(
      {"export", "--adapters", adapter, "--merge_lora", "true", "--output_dir", output / "merged"});
  CHECK(merged.err.find("unpacked") != std::string::npos);
  CHECK_FALSE(base::read_json(output / "merged/config.json").contains("quantization_config"));
  CHECK(answer("--adapters", adapter).out == answer("--model", output / "merged").out);
  *(std::find(words.begin(), words.end(), "--output_dir") + 1) = output / "full";
  words.insert(words.end(), {"--tuner_type", "full"});
  const Outcome full = swift::tests::swift(words);
  CHECK(full.code == 2);
  CHECK(full.err.find("cannot train packed weights") != std::string::npos);
  const auto to_gguf = [&](const std::vector<std::string>& more) {
    std::vector<std::string> all = {"export",        "--export_format", "gguf", "--output_dir",
                                    output / "gguf", "--exist_ok",      "true"};
    all.insert(all.end(), more.begin(), more.end());
    return swift::tests::swift(all);
  };
  const Outcome twice = to_gguf({"--model", base});
  CHECK(twice.code == 2);
  CHECK(twice.err.find("quantized already") != std::string::npos);
  CHECK(to_gguf({"--model", base, "--gguf_type", "f16"}).code == 0);
  CHECK(to_gguf({"--adapters", adapter}).code == 0);
}
