// Training, merging and answering end to end, and what a run leaves behind.
#include <catch2/catch.hpp>
#include <regex>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

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

TEST_CASE("a run that cannot save at all ends with 1 and leaves no half checkpoint") {
  const fs::path output = scratch("no-space");
  const Outcome failed = run({.words = train_words(output, {"--save_steps", "3"}), .file_bytes = 20'000});
  CHECK(failed.code == 1);
  CHECK(failed.err.find("error:") != std::string::npos);
  for (const auto& entry : fs::directory_iterator(output))
    CHECK(entry.path().filename().string().find("checkpoint") == std::string::npos);
}

TEST_CASE("a picture that cannot be drawn is a warning, not the end of the run") {
  const fs::path output = scratch("pictures");
  write(output / "images", "a file where the folder should be");
  const Outcome trained = swift::tests::swift(train_words(output));
  CHECK(trained.code == 0);
  CHECK(trained.err.find("images") != std::string::npos);
  CHECK(fs::exists(output / "checkpoint-6"));
}

TEST_CASE("each run gets its own directory, and only the newest checkpoints are kept when told so") {
  const fs::path output = scratch("versions");
  const auto words = train_words(
      output, {"--add_version", "true", "--save_steps", "1", "--save_total_limit", "2", "--max_steps", "4"});
  for (int i = 0; i < 2; ++i) REQUIRE(swift::tests::swift(words).code == 0);
  std::vector<std::string> runs;
  for (const auto& entry : fs::directory_iterator(output)) runs.push_back(entry.path().filename());
  std::sort(runs.begin(), runs.end());
  REQUIRE(runs.size() == 2);
  CHECK(std::regex_match(runs[0], std::regex("v0-[0-9]{8}-[0-9]{6}")));
  CHECK(std::regex_match(runs[1], std::regex("v1-[0-9]{8}-[0-9]{6}")));
  CHECK_FALSE(fs::exists(output / runs[0] / "checkpoint-2"));
  CHECK(fs::exists(output / runs[0] / "checkpoint-3"));
  CHECK(fs::exists(output / runs[0] / "checkpoint-4"));
}

TEST_CASE("a directory with checkpoints is not written over, and that is said before data is read") {
  const fs::path output = scratch("occupied");
  fs::create_directories(output / "checkpoint-1");
  const Outcome refused = swift::tests::swift(train_words(output, {"--dataset", "/nonexistent.jsonl"}));
  CHECK(refused.code == 2);
  CHECK(refused.err.find("already holds checkpoints") != std::string::npos);
  CHECK(swift::tests::swift(train_words(output, {"--overwrite_output_dir", "true"})).code == 0);
  CHECK_FALSE(fs::exists(output / "checkpoint-1"));
}

TEST_CASE("export keeps what it reads, and leaves nothing when it fails") {
  const fs::path output = scratch("export");
  REQUIRE(swift::tests::swift(train_words(output)).code == 0);
  const fs::path adapter = output / "checkpoint-6";
  const auto words = [&](const fs::path& target) {
    return std::vector<std::string>{"export",       "--adapters", adapter,      "--merge_lora", "true",
                                    "--output_dir", target,       "--exist_ok", "true"};
  };
  for (const fs::path& target : {output, adapter, fixture().model}) {
    const Outcome refused = swift::tests::swift(words(target));
    CAPTURE(target.string(), refused.err);
    CHECK(refused.code == 2);
    CHECK(refused.err.find("holds what is to be exported") != std::string::npos);
  }
  CHECK(run({.words = words(output / "merged"), .file_bytes = 30'000}).code == 1);
  CHECK_FALSE(fs::exists(output / "merged"));
  fs::resize_file(adapter / "adapter_model.safetensors", 1000);
  CHECK(swift::tests::swift(words(output / "merged")).code == 4);
  CHECK_FALSE(fs::exists(output / "merged"));
}

TEST_CASE("a signal while rows are answered ends with 143 and keeps the finished ones") {
  const fs::path at = scratch("rows-cut");
  write(at / "in.jsonl", rows(2000));
  const Outcome stopped =
      run({.words = {"infer", "--model", fixture().model, "--infer_input", at / "in.jsonl", "--result_path",
                     at / "out.jsonl", "--ignore_eos", "true", "--max_new_tokens", "80"},
           .when =
               [&] {
                 return fs::exists(at / "out.jsonl.partial") && fs::file_size(at / "out.jsonl.partial") > 0;
               },
           .signal = SIGTERM});
  INFO(stopped.err);
  CHECK(stopped.code == 143);
  CHECK(stopped.out.empty());
  // The rows answered so far are kept under the final name.
  CHECK(fs::exists(at / "out.jsonl"));
}
