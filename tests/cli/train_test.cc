#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

bool same_bytes(const fs::path& a, const fs::path& b) {
  return fs::exists(a) && contents(a) == contents(b);
}

// Trains 40 steps in one go and in two, cut by SIGTERM, and compares what both leave.
void check_resume(const std::string& name, const std::vector<std::string>& settings) {
  CAPTURE(name);
  std::vector<std::string> more = {"--max_steps", "40", "--lora_dropout", "0.1", "--save_steps", "1000"};
  more.insert(more.end(), settings.begin(), settings.end());
  const fs::path whole = scratch(name + "-whole"), cut = scratch(name + "-cut");
  REQUIRE(swift::tests::swift(train_words(whole, more)).code == 0);
  const Outcome stopped = run(
      {.words = train_words(cut, more),
       .when = [&] { return fs::exists(cut / "logging.jsonl") && fs::file_size(cut / "logging.jsonl") > 0; },
       .signal = SIGTERM});
  CHECK(stopped.code == 143);
  REQUIRE_FALSE(fs::exists(cut / "checkpoint-40"));
  std::vector<std::string> resume = train_words(cut, more);
  resume.insert(resume.end(), {"--resume_from_checkpoint", "auto"});
  const Outcome resumed = swift::tests::swift(resume);
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(resumed.err.find("resuming after step") != std::string::npos);
  for (const auto& file : fs::directory_iterator(whole / "checkpoint-40")) {
    if (file.path().extension() != ".safetensors") continue;
    CAPTURE(file.path().filename().string());
    CHECK(same_bytes(file.path(), cut / "checkpoint-40" / file.path().filename()));
  }
}

}  // namespace

TEST_CASE("a run stopped by SIGTERM and resumed ends with the same bytes") {
  check_resume("lora", {});
  check_resume("lora-packed", {"--packing", "true"});
  check_resume("full", {"--tuner_type", "full"});
}

TEST_CASE("SIGINT saves a checkpoint and ends with 130") {
  const fs::path output = scratch("interrupt");
  const Outcome stopped =
      run({.words = train_words(output, {"--max_steps", "2000", "--save_steps", "5000"}),
           .when =
               [&] {
                 return fs::exists(output / "logging.jsonl") && fs::file_size(output / "logging.jsonl") > 0;
               },
           .signal = SIGINT});
  CHECK(stopped.code == 130);
  const auto last = last_line(output / "logging.jsonl");
  CHECK(fs::exists(fs::path(last.at("last_model_checkpoint").get<std::string>()) /
                   "adapter_model.safetensors"));
}

TEST_CASE("a run leaves the files and fields of the contract, and its adapter answers") {
  const fs::path output = scratch("contract");
  std::vector<std::string> words = train_words(output, {"--split_dataset_ratio", "0.1", "--save_steps", "3"});
  const Outcome trained = swift::tests::swift(words);
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.out.empty());
  CHECK(trained.err.find("[[here is") != std::string::npos);  // the dump of the first sample
  const base::Json first = base::Json::parse(
      contents(output / "logging.jsonl").substr(0, contents(output / "logging.jsonl").find('\n')));
  for (const char* key : {"step", "loss", "grad_norm", "learning_rate", "epoch", "tokens_per_second",
                          "elapsed_seconds", "memory_gib"}) {
    CHECK(first.contains(key));
  }
  const base::Json last = last_line(output / "logging.jsonl");
  CHECK(last.contains("best_model_checkpoint"));
  const fs::path checkpoint = last.at("last_model_checkpoint").get<std::string>();
  CHECK(checkpoint.filename() == "checkpoint-6");
  for (const char* file : {"adapter_config.json", "adapter_model.safetensors", "args.json",
                           "optimizer.safetensors", "trainer_state.json"}) {
    CHECK(fs::exists(checkpoint / file));
  }
  CHECK(fs::exists(output / "checkpoint-3"));
  CHECK(fs::exists(output / "args.json"));
  CHECK(fs::exists(output / "images/train_loss.png"));
  CHECK_FALSE(fs::is_empty(output / "runs"));
  const std::vector<std::string> ask = {"--prompt", "say 3 and 1",      "--temperature",
                                        "0",        "--max_new_tokens", "12"};
  std::vector<std::string> by_adapter = {"infer", "--adapters", checkpoint},
                           by_merged = {"infer", "--model", output / "merged"};
  by_adapter.insert(by_adapter.end(), ask.begin(), ask.end());
  by_merged.insert(by_merged.end(), ask.begin(), ask.end());
  const Outcome answered = swift::tests::swift(by_adapter);
  INFO(answered.err);
  CHECK(answered.code == 0);
  REQUIRE(swift::tests::swift(
              {"export", "--adapters", checkpoint, "--merge_lora", "true", "--output_dir", output / "merged"})
              .code == 0);
  CHECK(swift::tests::swift(by_merged).out == answered.out);
  CHECK(swift::tests::swift(
            {"export", "--adapters", checkpoint, "--merge_lora", "true", "--output_dir", output / "merged"})
            .code == 2);
}

TEST_CASE("infer answers a file of rows and scores it") {
  const fs::path at = scratch("rows");
  write(at / "in.jsonl", rows(3));
  const Outcome done = swift::tests::swift({"infer",
                                            "--model",
                                            fixture().model,
                                            "--infer_input",
                                            at / "in.jsonl",
                                            "--result_path",
                                            at / "out.jsonl",
                                            "--metric",
                                            "acc",
                                            "--temperature",
                                            "0",
                                            "--ignore_eos",
                                            "true",
                                            "--max_new_tokens",
                                            "5",
                                            "--max_batch_size",
                                            "2",
                                            "--logprobs",
                                            "true",
                                            "--top_logprobs",
                                            "2"});
  INFO(done.err);
  REQUIRE(done.code == 0);
  CHECK(done.err.find("infer: acc") != std::string::npos);
  const base::Json row = last_line(at / "out.jsonl");
  CHECK(row.at("usage").at("completion_tokens") == 5);
  CHECK(row.at("finish_reason") == "length");
  REQUIRE(row.at("logprobs").size() == 5);
  CHECK(row.at("logprobs").at(0).at("top").size() == 2);
}

TEST_CASE("the disk fills while saving: exit 1, and the earlier checkpoint stays usable") {
  const fs::path output = scratch("full-disk");
  REQUIRE(swift::tests::swift(train_words(output, {"--save_steps", "3", "--max_steps", "3"})).code == 0);
  const fs::path other = scratch("full-disk-2");
  const Outcome failed = run({.words = train_words(other, {"--save_steps", "3"}), .file_bytes = 20'000});
  CHECK(failed.code == 1);
  CHECK(failed.err.find("error:") != std::string::npos);
  for (const auto& entry : fs::directory_iterator(other))
    CHECK(entry.path().filename().string().find("checkpoint") == std::string::npos);
  CHECK(swift::tests::swift(
            {"infer", "--adapters", output / "checkpoint-3", "--prompt", "say", "--max_new_tokens", "2"})
            .code == 0);
}

TEST_CASE("a loss that is not finite stops the run and harms no checkpoint") {
  const fs::path output = scratch("nan");
  const Outcome failed =
      swift::tests::swift(train_words(output, {"--learning_rate", "1e38", "--save_steps", "1", "--max_steps",
                                               "50", "--max_grad_norm", "0", "--warmup_steps", "2"}));
  CHECK(failed.code == 1);
  CHECK(failed.err.find("not finite") != std::string::npos);
  CHECK(swift::tests::swift(
            {"infer", "--adapters", output / "checkpoint-1", "--prompt", "say", "--max_new_tokens", "2"})
            .code == 0);
}

TEST_CASE("resuming with other settings or data is refused by name") {
  const fs::path output = scratch("changed");
  REQUIRE(swift::tests::swift(train_words(output)).code == 0);
  const Outcome changed = swift::tests::swift(
      train_words(output, {"--resume_from_checkpoint", "auto", "--learning_rate", "2e-3"}));
  CHECK(changed.code == 2);
  CHECK(changed.err.find("learning_rate was") != std::string::npos);
  write(output / "other.jsonl", rows(41));
  const Outcome data = swift::tests::swift(
      train_words(output, {"--resume_from_checkpoint", "auto", "--dataset", output / "other.jsonl"}));
  CHECK(data.code == 2);
  CHECK(swift::tests::swift(train_words(output, {"--resume_from_checkpoint", output})).code == 2);
}
