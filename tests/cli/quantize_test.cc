// swift export --quant_method as a user runs it: any form of data, adapters, interruption, bad input.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

using Words = std::vector<std::string>;

Words export_words(const fs::path& output, const Words& more) {
  Words words = {"export",       "--model", fixture().model, "--group_size", "-1",
                 "--max_length", "32",      "--output_dir",  output};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Words calibrated(const fs::path& output, const Words& more, const fs::path& data = fixture().data) {
  Words words = export_words(output, {"--dataset", data, "--quant_n_samples", "6"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

base::Json json_of(const fs::path& file) {
  return base::Json::parse(contents(file));
}

// The demo's base model: five blocks, so that a signal finds some of them undone.
Words demo_words(const fs::path& output, const std::string& method) {
  const fs::path demo = fs::path(SWIFT_SOURCE_DIR) / "assets/demo";
  return {"export",
          "--model",
          demo / "base",
          "--dataset",
          demo / "arithmetic.jsonl",
          "--quant_method",
          method,
          "--quant_n_samples",
          "4",
          "--max_length",
          "64",
          "--group_size",
          "64",
          "--output_dir",
          output};
}

}  // namespace

TEST_CASE("calibration takes any form of rows, and the report says what was lost") {
  const fs::path folder = scratch("quantize-forms");
  const std::string chosen =
      R"({"messages": [{"role": "user", "content": "say %"}, {"role": "assistant", "content": "% it is"}],
 "rejected_response": "no %"})";
  const std::pair<const char*, std::string> forms[] = {
      {"text", R"({"text": "% and then % again, % times"})"},
      {"query", R"({"query": "what is %", "response": "% is % of course"})"},
      {"alpaca", R"({"instruction": "say %", "input": "%", "output": "% it is"})"},
      {"conversations",
       R"({"conversations": [{"from": "human", "value": "say %"}, {"from": "gpt", "value": "% it is"}]})"},
      {"preference", chosen}};
  for (const auto& [name, form] : forms) {
    CAPTURE(name);
    std::string rows;
    for (int i = 0; i < 60; ++i) {
      for (const char letter : form)
        rows += letter == '%' ? std::to_string(i * 37 % 101) : std::string(1, letter == '\n' ? ' ' : letter);
      rows += "\n";
    }
    const fs::path data = folder / (std::string(name) + ".jsonl"), output = folder / name;
    write(data, rows);
    const Outcome outcome = swift::tests::swift(calibrated(output, {"--quant_method", "gptq"}, data));
    INFO(outcome.err);
    REQUIRE(outcome.code == 0);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find("block 2/2") != std::string::npos);
    const base::Json report = json_of(output / "quantization_report.json");
    CHECK(report.at("linears").size() == 14);
    CHECK(report.at("linears").at(0).at("error").get<double>() > 0);
    CHECK(report.at("perplexity").at("before").get<double>() > 1);
    CHECK(report.at("perplexity").at("after").get<double>() > 1);
    CHECK(report.at("size").at("after") < report.at("size").at("before"));
    CHECK(json_of(output / "config.json").at("quantization_config") ==
          json_of(output / "quantize_config.json"));
  }
}

TEST_CASE("adapters are merged before anything is rounded") {
  const fs::path folder = scratch("quantize-adapter");
  REQUIRE(swift::tests::swift(train_words(folder / "run")).code == 0);
  const fs::path adapter = folder / "run/checkpoint-6";
  REQUIRE(swift::tests::swift({"export", "--model", fixture().model, "--adapters", adapter, "--merge_lora",
                               "true", "--output_dir", folder / "merged"})
              .code == 0);
  const Words method = {"--quant_method", "awq"};
  Words from_merged = calibrated(folder / "b", method), from_adapter = calibrated(folder / "a", method);
  from_merged[2] = folder / "merged";
  from_adapter.insert(from_adapter.end(), {"--adapters", adapter});
  const Outcome merged = swift::tests::swift(from_merged), direct = swift::tests::swift(from_adapter);
  INFO(merged.err << direct.err);
  REQUIRE((merged.code == 0 && direct.code == 0));
  CHECK(contents(folder / "a/model.safetensors") == contents(folder / "b/model.safetensors"));
}

TEST_CASE("a run that a signal ends goes on where it was, to the same bytes, and the source stays as it is") {
  const fs::path folder = scratch("quantize-signal");
  const fs::path source = fs::path(SWIFT_SOURCE_DIR) / "assets/demo/base/model.safetensors";
  const std::string before = contents(source);
  for (const std::string method : {"gptq", "awq"}) {
    const fs::path whole = folder / (method + "-whole"), output = folder / method;
    REQUIRE(swift::tests::swift(demo_words(whole, method)).code == 0);
    const fs::path state = folder / ("." + method + ".quantizing/state.json");
    int wanted = 1;
    for (const int signal : {SIGINT, SIGKILL}) {
      CAPTURE(method, signal);
      const auto reached = [&] {
        return contents(state).find("\"blocks\":" + std::to_string(wanted)) != std::string::npos;
      };
      const Outcome ended = run({.words = demo_words(output, method), .when = reached, .signal = signal});
      INFO(ended.err);
      CHECK(ended.code == 128 + signal);
      CHECK_FALSE(fs::exists(output));
      ++wanted;
    }
    const Outcome last = swift::tests::swift(demo_words(output, method));
    INFO(last.err);
    REQUIRE(last.code == 0);
    CHECK(last.err.find("going on with an interrupted run") != std::string::npos);
    CHECK(contents(output / "model.safetensors") == contents(whole / "model.safetensors"));
    CHECK(json_of(output / "quantization_report.json").at("linears") ==
          json_of(whole / "quantization_report.json").at("linears"));
    CHECK_FALSE(fs::exists(state));
  }
  CHECK(contents(source) == before);
}

TEST_CASE("what cannot be quantized is refused before anything is written") {
  const fs::path folder = scratch("quantize-refused"), output = folder / "out";
  const auto refused = [&](const Words& words, int code, const std::string& message) {
    const Outcome outcome = swift::tests::swift(words);
    INFO(outcome.err);
    CHECK(outcome.code == code);
    CHECK(outcome.err.find(message) != std::string::npos);
    CHECK_FALSE(fs::exists(output));
  };
  const Words gptq = {"--quant_method", "gptq"};
  Words wide = calibrated(output, gptq);
  wide[4] = "128";
  refused(wide, 2, "group_size: 128 does not divide the 32 inputs of model.layers.0.self_attn.q_proj");
  refused(export_words(output, gptq), 2, "needs a dataset to calibrate with");
  write(folder / "short.jsonl", R"({"text": "a b"})");
  refused(calibrated(output, gptq, folder / "short.jsonl"), 3, "not one sequence of max_length 32");
  REQUIRE(swift::tests::swift(export_words(folder / "packed", {"--quant_method", "rtn"})).code == 0);
  Words again = calibrated(output, gptq);
  again[2] = folder / "packed";
  refused(again, 2, "the model is quantized already");
  fs::create_directories(folder / "there");
  write(folder / "there/file", "mine");
  const Outcome exists = swift::tests::swift(export_words(folder / "there", {"--quant_method", "rtn"}));
  INFO(exists.err);
  CHECK(exists.code == 2);
  CHECK(exists.err.find("the target directory exists") != std::string::npos);
  CHECK(contents(folder / "there/file") == "mine");
}
