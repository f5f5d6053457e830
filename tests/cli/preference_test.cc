// Preference training from the command line: it learns on the demo model, says what is wrong with data, and
// leaves what the contract asks for.
#include <catch2/catch.hpp>
#include <fstream>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

const fs::path kSource = SWIFT_SOURCE_DIR;

std::vector<base::Json> lines_of(const fs::path& file) {
  std::vector<base::Json> lines;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) lines.push_back(base::Json::parse(line));
  return lines;
}

double last_of(const fs::path& run, const char* key) {
  double value = -1;
  for (const base::Json& line : lines_of(run / "logging.jsonl")) value = line.value(key, value);
  return value;
}

Outcome run_words(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return swift::tests::swift(words);
}

// How often the model itself finds the preferred answer of a held-out pair the likelier one, by the mean
// log-probability of its tokens (SimPO's reward): sums would prefer what is short.
double own_accuracy(const fs::path& output, const std::vector<std::string>& adapters) {
  const Outcome measured = run_words({"train",
                                      "--method",
                                      "simpo",
                                      "--model",
                                      kSource / "assets/demo/base",
                                      "--dataset",
                                      kSource / "assets/demo/preferences.jsonl#16",
                                      "--val_dataset",
                                      kSource / "assets/demo/preferences_heldout.jsonl",
                                      "--learning_rate",
                                      "0",
                                      "--max_steps",
                                      "1",
                                      "--eval_strategy",
                                      "steps",
                                      "--eval_steps",
                                      "1",
                                      "--per_device_eval_batch_size",
                                      "20",
                                      "--gradient_accumulation_steps",
                                      "1",
                                      "--save_strategy",
                                      "no",
                                      "--max_length",
                                      "256",
                                      "--add_version",
                                      "false",
                                      "--output_dir",
                                      output},
                                     adapters);
  INFO(measured.err);
  REQUIRE(measured.code == 0);
  return last_of(output, "eval_rewards/accuracies");
}

// Share of the held-out requests that are answered in the preferred form, right or wrong.
double share_in_form(const fs::path& output, const std::vector<std::string>& model) {
  const Outcome answered =
      run_words({"infer", "--infer_input", kSource / "assets/demo/preferences_heldout.jsonl", "--result_path",
                 output, "--temperature", "0", "--max_new_tokens", "24", "--max_batch_size", "16"},
                model);
  INFO(answered.err);
  REQUIRE(answered.code == 0);
  double fitting = 0, all = 0;
  for (const base::Json& line : lines_of(output)) {
    const std::string request = line.at("messages").at(0).at("content"), answer = line.at("response");
    const bool said = answer.starts_with("The answer is "), done = answer.ends_with(", as asked.");
    fitting += (request.ends_with("?") ? said : done) ? 1 : 0;
    all += 1;
  }
  return fitting / all;
}

std::vector<std::string> dpo_words(const fs::path& data, const fs::path& output,
                                   const std::vector<std::string>& more = {}) {
  std::vector<std::string> words = {"train",
                                    "--method",
                                    "dpo",
                                    "--model",
                                    fixture().model,
                                    "--dataset",
                                    data,
                                    "--max_length",
                                    "64",
                                    "--per_device_train_batch_size",
                                    "2",
                                    "--gradient_accumulation_steps",
                                    "2",
                                    "--max_steps",
                                    "4",
                                    "--logging_steps",
                                    "1",
                                    "--add_version",
                                    "false",
                                    "--output_dir",
                                    output,
                                    "--learning_rate",
                                    "1e-3"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string pairs(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    const std::string n = std::to_string(i % 7);
    text += R"({"query": "say )" + n + R"(", "response": "here is )" + n + R"(", "rejected_response": "no )" +
            n + R"(", "label": )" + (i % 2 == 0 ? "true" : "false") + "}\n";
  }
  return text;
}

}  // namespace

TEST_CASE(
    "DPO on the demo's pairs: held-out accuracy from about half to above 80 percent, and answers change") {
  const fs::path at = scratch("demo-dpo");
  const fs::path base = kSource / "assets/demo/base";
  const double before = own_accuracy(at / "before", {});
  CHECK(before > 0.3);
  CHECK(before < 0.7);
  CHECK(share_in_form(at / "before.jsonl", {"--model", base}) < 0.2);
  const Outcome trained = run_words({"train", "--config", kSource / "configs/demo/dpo.yaml"},
                                    {"--model", base, "--dataset", kSource / "assets/demo/preferences.jsonl",
                                     "--val_dataset", kSource / "assets/demo/preferences_heldout.jsonl",
                                     "--output_dir", at / "run", "--add_version", "false"});
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(last_of(at / "run", "eval_rewards/accuracies") > 0.8);
  const fs::path adapter = last_line(at / "run/logging.jsonl").at("last_model_checkpoint").get<std::string>();
  CHECK(own_accuracy(at / "after", {"--adapters", adapter}) > 0.8);
  CHECK(share_in_form(at / "after.jsonl", {"--adapters", adapter}) > 0.8);
}

TEST_CASE("a preference run logs the contract's metrics, for each method") {
  const fs::path at = scratch("preference-methods");
  write(at / "pairs.jsonl", pairs(20));
  for (const char* method : {"dpo", "kto", "orpo", "cpo", "simpo", "rm"}) {
    CAPTURE(method);
    const Outcome done = swift::tests::swift(
        dpo_words(at / "pairs.jsonl", at / method, {"--method", method, "--split_dataset_ratio", "0.2"}));
    INFO(done.err);
    REQUIRE(done.code == 0);
    CHECK(done.out.empty());
    const base::Json first = lines_of(at / method / "logging.jsonl").front();
    for (const char* key : {"loss", "grad_norm", "tokens_per_second", "rewards/chosen", "rewards/rejected",
                            "rewards/margins", "rewards/accuracies"})
      CHECK(first.contains(key));
    CHECK(last_of(at / method, "eval_loss") >= 0);
    CHECK(fs::exists(at / method / "checkpoint-4/adapter_model.safetensors"));
  }
}

TEST_CASE("bad preference rows are errors that name the line, or dropped with a warning") {
  const fs::path at = scratch("preference-bad");
  const auto fails = [&](const std::string& text, const std::string& what,
                         const std::vector<std::string>& more = {}) {
    write(at / "bad.jsonl", text);
    const Outcome done = swift::tests::swift(dpo_words(at / "bad.jsonl", at / "out", more));
    CAPTURE(done.err);
    CHECK(done.code == 3);
    CHECK(done.err.find(what) != std::string::npos);
  };
  const std::string good = pairs(3),
                    equal = R"({"query": "q", "response": "a", "rejected_response": "a"})"
                            "\n",
                    alone = R"({"query": "q", "response": "a"})"
                            "\n";
  fails(good + equal, "bad.jsonl:4", {"--strict", "true"});
  fails(good + alone, "no rejected answer", {"--strict", "true"});
  fails(alone + alone, "bad.jsonl:1");
  fails(alone, "'label'", {"--method", "kto"});
  write(at / "mixed.jsonl", good + equal + alone);
  const Outcome done = swift::tests::swift(dpo_words(at / "mixed.jsonl", at / "mixed"));
  CHECK(done.code == 0);
  CHECK(done.err.find("dropped 2 rows") != std::string::npos);
  CHECK(done.err.find("mixed.jsonl:4") != std::string::npos);
}
