// The data path as a user meets it: streams and their resuming, the cache, grouping, weights and channels.
#include <algorithm>
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

// Rows of several lengths in two channels, the assistant's text in ReAct form.
fs::path channel_rows(const std::string& name, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) {
    text +=
        base::Json({{"query", "say " + std::to_string(i % 7)},
                    {"response", "Thought: x\nAction: " + std::string(static_cast<size_t>(1 + i % 5), 'a')},
                    {"channel", i % 3 == 0 ? "math" : "chat"}})
            .dump() +
        "\n";
  }
  const fs::path path = scratch(name) / "rows.jsonl";
  write(path, text);
  return path;
}

std::vector<base::Json> metrics(const fs::path& run) {
  std::vector<base::Json> lines;
  std::istringstream log(contents(run / "logging.jsonl"));
  for (std::string text; std::getline(log, text);) {
    base::Json line = base::Json::parse(text);
    if (!line.contains("step")) continue;
    for (const char* key :
         {"tokens_per_second", "elapsed_seconds", "remaining_seconds", "memory_gib", "eval_seconds"}) {
      line.erase(key);
    }
    lines.push_back(line);
  }
  return lines;
}

// train_words with the dataset of `more` in the place of the fixture's: datasets given twice add up.
std::vector<std::string> own_words(const fs::path& output, const std::vector<std::string>& more) {
  std::vector<std::string> words = train_words(output);
  const auto dataset = std::find(words.begin(), words.end(), "--dataset");
  if (std::find(more.begin(), more.end(), "--dataset") != more.end()) words.erase(dataset, dataset + 2);
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Outcome train_to(const fs::path& output, const std::vector<std::string>& more) {
  const Outcome outcome = swift::tests::swift(own_words(output, more));
  INFO(outcome.err);
  REQUIRE(outcome.code == 0);
  return outcome;
}

// Resumes a copy of the run from its checkpoint-5, and compares the ends.
void check_resumes(const fs::path& whole, const std::vector<std::string>& more) {
  const fs::path cut = whole.string() + "-cut";
  fs::remove_all(cut);
  fs::copy(whole, cut, fs::copy_options::recursive);
  for (const auto& entry : fs::directory_iterator(whole)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("checkpoint-") && name != "checkpoint-5") fs::remove_all(cut / name);
  }
  std::vector<std::string> resumed = more;
  resumed.insert(resumed.end(), {"--resume_from_checkpoint", "auto"});
  const Outcome outcome = train_to(cut, resumed);
  CHECK(outcome.err.find("resuming after step 5") != std::string::npos);
  CHECK(metrics(whole) == metrics(cut));
  CHECK(contents(whole / "checkpoint-12/adapter_model.safetensors") ==
        contents(cut / "checkpoint-12/adapter_model.safetensors"));
}

}  // namespace

TEST_CASE("a streamed run is the same for any number of threads, and resumes with the same bytes") {
  const fs::path data = channel_rows("stream-rows", 41);
  for (const std::string packing : {"false", "true"}) {
    const std::vector<std::string> more = {"--dataset",       data,    "--streaming",           "true",
                                           "--max_steps",     "12",    "--save_steps",          "5",
                                           "--packing",       packing, "--shuffle_buffer_size", "10",
                                           "--logging_steps", "2",     "--enable_channel_loss", "true",
                                           "--loss_scale",    "react"};
    const fs::path whole = scratch("stream-" + packing), seven = scratch("stream-seven-" + packing);
    train_to(whole, more);
    std::vector<std::string> threads = more;
    threads.insert(threads.end(), {"--dataloader_num_workers", "7", "--dataloader_prefetch_factor", "5"});
    train_to(seven, threads);
    CHECK(metrics(whole) == metrics(seven));
    CHECK(contents(whole / "checkpoint-12/adapter_model.safetensors") ==
          contents(seven / "checkpoint-12/adapter_model.safetensors"));
    check_resumes(whole, more);
    CHECK(metrics(whole)[2].contains("loss_math"));
    CHECK(metrics(whole)[2].contains("loss_chat"));
  }
}

TEST_CASE("a stream resumed over other data is refused, naming what changed") {
  const fs::path data = channel_rows("stream-changed", 41), output = scratch("stream-changed-run");
  std::vector<std::string> more = {"--dataset",   data, "--streaming",  "true",
                                   "--max_steps", "6",  "--save_steps", "5"};
  train_to(output, more);
  fs::remove_all(output / "checkpoint-6");
  write(data, contents(data) + "{\"query\": \"q\", \"response\": \"r\"}\n");
  more.insert(more.end(), {"--resume_from_checkpoint", "auto"});
  const Outcome outcome = swift::tests::swift(own_words(output, more));
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("cannot resume: dataset contents was") != std::string::npos);
}

TEST_CASE("the loss of each channel is logged, for validation data too") {
  const fs::path data = channel_rows("channels", 30), output = scratch("channels-run");
  train_to(output, {"--dataset", data, "--enable_channel_loss", "true", "--split_dataset_ratio", "0.3",
                    "--eval_steps", "3", "--max_steps", "6"});
  bool trained = false, evaluated = false;
  for (const base::Json& line : metrics(output)) {
    if (line.contains("eval_loss")) {
      evaluated = true;
      const double chat = line.at("eval_loss_chat"), math = line.at("eval_loss_math"),
                   all = line.at("eval_loss");
      CHECK(all <= std::max(chat, math) + 1e-6);
      CHECK(all >= std::min(chat, math) - 1e-6);
    } else {
      trained = trained || (line.contains("loss_chat") && line.contains("loss_math"));
    }
  }
  CHECK(trained);
  CHECK(evaluated);
}

TEST_CASE("a run from the cache is the same as the one that made it") {
  const fs::path data = channel_rows("cached", 30), cache = scratch("cache");
  const std::vector<std::string> more = {"--dataset",         data,  "--load_from_cache_file", "true",
                                         "--cache_dir",       cache, "--loss_scale",           "react",
                                         "--group_by_length", "true"};
  const fs::path first = scratch("cache-first"), second = scratch("cache-second"),
                 third = scratch("cache-third");
  CHECK(train_to(first, more).err.find("encoded samples are kept in") != std::string::npos);
  CHECK(train_to(second, more).err.find("encoded samples come from") != std::string::npos);
  CHECK(metrics(first) == metrics(second));
  for (const auto& entry : fs::directory_iterator(cache))
    write(entry.path(), contents(entry.path()).substr(0, 100));
  CHECK(train_to(third, more).err.find("is damaged and is made again") != std::string::npos);
  CHECK(metrics(first) == metrics(third));
}

TEST_CASE("weights of loss_scale change the loss, not the ids") {
  const fs::path data = channel_rows("weights", 20);
  std::vector<double> losses;
  for (const std::string scale : {"default", "react", "last_round"}) {
    const fs::path output = scratch("weights-" + scale);
    train_to(output, {"--dataset", data, "--loss_scale", scale, "--max_steps", "1", "--logging_steps", "1",
                      "--dataset_shuffle", "false", "--lora_dropout", "0"});
    losses.push_back(metrics(output).front().at("loss"));
  }
  CHECK(losses[1] > 1.2 * losses[0]);
  CHECK(losses[2] == losses[0]);
  const Outcome wrong = swift::tests::swift(train_words(scratch("weights-wrong"), {"--loss_scale", "raect"}));
  CHECK(wrong.code == 2);
  CHECK(wrong.err.find("did you mean 'react'") != std::string::npos);
}

TEST_CASE("a million-character row and rows of mixed schemas train or are told of") {
  const fs::path data = scratch("mixed") / "rows.jsonl", output = scratch("mixed-run");
  std::string text = rows(10) + "{\"instruction\": \"say\", \"input\": \"it\", \"output\": \"said\"}\n" +
                     "{\"conversations\": [{\"from\": \"human\", \"value\": \"a\"}, {\"from\": \"gpt\", "
                     "\"value\": \"b\"}]}\n" +
                     "{\"query\": \"" + std::string(1'000'000, 'x') + "\", \"response\": \"y\"}\n" +
                     "{\"neither\": 1}\n";
  write(data, text);
  const Outcome outcome = train_to(output, {"--dataset", data});
  CHECK(outcome.err.find("above max_length 64") != std::string::npos);
  CHECK(outcome.err.find("rows.jsonl:14") != std::string::npos);
  CHECK(outcome.err.find("12 samples") != std::string::npos);
}
