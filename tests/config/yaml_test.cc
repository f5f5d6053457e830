#include "config/yaml.h"

#include <catch2/catch.hpp>

#include "base/rng.h"
#include "given.h"

using namespace swift::config;

TEST_CASE("an alias bomb is bounded") {
  std::string yaml = "a: &a [x, x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name < 'k'; ++name) {
    yaml += std::string(1, name) + ": &" + name + " [";
    for (int i = 0; i < 10; ++i) yaml += (i > 0 ? ", *" : "*") + std::string(1, static_cast<char>(name - 1));
    yaml += "]\n";
  }
  CHECK(contains(fault_of(yaml), "more than 20000 values"));
}

TEST_CASE("depth is bounded, also through aliases") {
  CHECK(contains(fault_of("deploy: " + std::string(5000, '[')), "nested deeper than 32 levels"));
  std::string block;
  for (int i = 0; i < 400; ++i) block += std::string(i, ' ') + "- \n";
  CHECK(contains(fault_of(block), "nested deeper than 32 levels"));
  std::string chain = "a: &a0 [[[[[[x]]]]]]\n";
  for (int i = 1; i < 8; ++i) {
    chain += "b" + std::to_string(i) + ": &a" + std::to_string(i) + " [[[[[[*a" + std::to_string(i - 1) +
             "]]]]]]\n";
  }
  CHECK(contains(fault_of(chain), "nested deeper than 32 levels"));
}

TEST_CASE("an anchor inside itself is a fault, and what stood before it is still checked") {
  const std::string report = fault_of("sed: 1\ndataset: &a [*a]\n");
  CHECK(contains(report, "task.yaml:2:14: error: an alias inside its own anchor"));
  CHECK(contains(report, "unknown key 'sed'; did you mean 'seed'?"));
}

TEST_CASE("syntax faults, a second document and a huge file are refused with their place") {
  CHECK(contains(fault_of("model: x\n\tseed: 1\n"), "task.yaml:2:1: error: malformed YAML"));
  CHECK(contains(fault_of("model: \"x\n"), "malformed YAML"));
  CHECK(contains(fault_of("seed: 1\n---\nseed: 2\n"), "task.yaml:2:1: error: a second document"));
  CHECK(contains(fault_of("model: " + std::string(kYamlMaxBytes, 'x')), "larger than 1 MiB"));
  CHECK(contains(fault_of("? [a]\n: 1\n"), "a key must be plain text"));
}

TEST_CASE("plain scalars are typed by the core schema, quoted ones are text") {
  Report report;
  const YamlNode node = parse_yaml(
      "[1, -2, 1.5, 1e3, true, null, ~, '1', \"true\", 48Gi, 0 2 * *, 2026-01-01, no]", "x", report);
  CHECK(report.empty());
  CHECK(to_json(node) ==
        swift::base::Json::parse(
            R"([1, -2, 1.5, 1000.0, true, null, null, "1", "true", "48Gi", "0 2 * *", "2026-01-01", "no"])"));
}

TEST_CASE("random bytes in a task file end in a report, never in a crash") {
  const std::string seed = "model: &m x\ndataset: [a, *m]\ndeploy:\n  a: {b: 'c', d: \"e\"}\nlora_rank: 8\n";
  const std::string alphabet = "\n\t :-[]{}&*!|>'\"%@#,?0aé\xff\0";
  const swift::base::Stream random(1, swift::base::Purpose::split);
  uint64_t draw = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string text = seed;
    const int changes = 1 + static_cast<int>(random.bits(draw++) % 6);
    for (int i = 0; i < changes; ++i) {
      const size_t at = random.bits(draw++) % text.size();
      const char byte = alphabet[random.bits(draw++) % alphabet.size()];
      if (random.bits(draw++) % 2 == 0)
        text[at] = byte;
      else
        text.insert(at, 1, byte);
    }
    try {
      given(text);
    } catch (const swift::base::Error& error) {
      CHECK(error.code() == swift::base::ExitCode::usage);
    }
  }
}

TEST_CASE("bytes that are no UTF-8 are refused with their line, wherever they come from") {
  CHECK(contains(fault_of("seed: 1\nmodel: \"\xff\"\n"), "task.yaml:2: error: not UTF-8 text"));
  CHECK(contains(fault_of(std::string("m\0o\0", 4)), "task.yaml:1: error: not UTF-8 text"));
  CHECK(contains(fault_of("", {"--model", "\xff"}), "--model: error: not UTF-8 text"));
  CHECK(contains(fault_of("", {"--deploy.\xff", "1"}), "error: not UTF-8 text"));
  CHECK(contains(fault_of("", {"--set", "model=\xff"}), "is not a YAML value"));
  CHECK(contains(fault_of("", {}, {{"SWIFT_DATASET", "a \xff"}}), "SWIFT_DATASET: error: not UTF-8 text"));
}

TEST_CASE("a byte order mark and line ends of Windows move no column") {
  CHECK(contains(fault_of("\xEF\xBB\xBF"
                          "dataset: ['a', b]\r\nlora_rank: x\r\n"),
                 "task.yaml:2:12: error: lora_rank: 'x' is not an integer\n    2 | lora_rank: x"));
  CHECK(contains(fault_of("\xEF\xBB\xBFlora_rank: x\n"), "task.yaml:1:12: error"));
}

TEST_CASE("a quote that never closes is a fault, doubled and escaped quotes are text") {
  CHECK(contains(fault_of("model: 'it''s\n"),
                 "task.yaml:1:8: error: malformed YAML: a quote that is not closed"));
  CHECK(contains(fault_of("model: \"a\\\"\n"), "a quote that is not closed"));
  CHECK(given("model: 'it''s'\n").task.model == "it's");
  CHECK(given("model: ''\n").task.model.empty());
  CHECK(given("model: \"a\\\"b\"\n").task.model == "a\"b");
}

TEST_CASE("a huge flat file is read or refused, with every fault in it") {
  std::string wide = "{";
  for (int i = 0; i < 9000; ++i) wide += "k" + std::to_string(i) + ": 1, ";
  CHECK(contains(fault_of(wide + "}"), "9000 errors; nothing was run"));
  CHECK(contains(fault_of(std::string(kYamlMaxBytes - 4, 'x') + ": 1"), "error: "));
}
