// Runs that are cut off by a signal, a kill or a full disk, and what resuming them gives.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

constexpr int kTries = 8;  // a run may end before the signal reaches it

// Lines of the log that hold metrics, less what depends on the clock or the machine.
std::vector<std::string> metrics(const fs::path& run) {
  std::istringstream log(contents(run / "logging.jsonl"));
  std::vector<std::string> lines;
  for (std::string text; std::getline(log, text);) {
    base::Json line = base::Json::parse(text);
    if (!line.contains("step")) continue;
    for (const char* key :
         {"tokens_per_second", "elapsed_seconds", "remaining_seconds", "memory_gib", "eval_seconds"}) {
      line.erase(key);
    }
    lines.push_back(line.dump());
  }
  return lines;
}

void check_same_end(const fs::path& whole, const fs::path& cut, int64_t steps) {
  const std::string name = "checkpoint-" + std::to_string(steps);
  for (const auto& file : fs::directory_iterator(whole / name)) {
    if (file.path().extension() != ".safetensors") continue;
    CAPTURE(file.path().filename().string());
    CHECK(contents(file.path()) == contents(cut / name / file.path().filename()));
  }
  CHECK(metrics(whole) == metrics(cut));
  CHECK(fs::path(last_line(whole / "logging.jsonl").at("best_model_checkpoint").get<std::string>())
            .filename() ==
        fs::path(last_line(cut / "logging.jsonl").at("best_model_checkpoint").get<std::string>()).filename());
  for (const auto& entry : fs::directory_iterator(cut))
    CHECK(entry.path().filename().string().front() != '.');
}

bool has_log(const fs::path& run) {
  return fs::exists(run / "logging.jsonl") && fs::file_size(run / "logging.jsonl") > 0;
}

// Starts `words` and sends the signal once `when` holds, again until it comes in time.
Outcome cut_off(const std::vector<std::string>& words, const fs::path& output, int signal,
                const std::function<bool()>& when) {
  Outcome outcome;
  for (int i = 0; i < kTries && outcome.code != 128 + signal; ++i) {
    fs::remove_all(output);
    outcome = run({.words = words, .when = when, .signal = signal});
  }
  return outcome;
}

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

const std::vector<std::string> kResume = {"--resume_from_checkpoint", "auto"};

// Trains in one go and in pieces, cut by SIGTERM wherever it falls, and compares what both leave.
void check_resume(const std::string& name, const std::vector<std::string>& settings) {
  CAPTURE(name);
  const auto more = with({"--max_steps", "40", "--lora_dropout", "0.1", "--save_steps", "1000"}, settings);
  const fs::path whole = scratch(name + "-whole"), cut = scratch(name + "-cut");
  REQUIRE(swift::tests::swift(train_words(whole, more)).code == 0);
  REQUIRE(cut_off(train_words(cut, more), cut, SIGTERM, [&] { return has_log(cut); }).code == 143);
  REQUIRE_FALSE(fs::exists(cut / "checkpoint-40"));
  const auto before = fs::file_size(cut / "logging.jsonl");
  const auto resume = with(train_words(cut, more), kResume);
  const Outcome again = run({.words = resume,
                             .when = [&] { return fs::file_size(cut / "logging.jsonl") > before; },
                             .signal = SIGTERM});
  CHECK((again.code == 143 || again.code == 0));
  const Outcome resumed = swift::tests::swift(resume);
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  CHECK(resumed.err.find("resuming after step") != std::string::npos);
  check_same_end(whole, cut, 40);
}

}  // namespace

TEST_CASE("a run stopped by SIGTERM and resumed ends with the same bytes") {
  check_resume("lora", {"--gradient_accumulation_steps", "6", "--logging_steps", "3"});
  check_resume("packed", {"--packing", "true"});
  check_resume("full", {"--tuner_type", "full"});
  check_resume("bf16", {"--tuner_type", "full", "--torch_dtype", "bfloat16", "--split_dataset_ratio", "0.2",
                        "--eval_steps", "4"});
}

TEST_CASE("a killed run resumes from its last checkpoint and ends with the same bytes") {
  const std::vector<std::string> more = {"--max_steps", "60", "--save_steps", "5"};
  const fs::path whole = scratch("kill-whole"), cut = scratch("kill-cut");
  REQUIRE(swift::tests::swift(train_words(whole, more)).code == 0);
  REQUIRE(cut_off(train_words(cut, more), cut, SIGKILL, [&] {
            return fs::exists(cut / "checkpoint-5");
          }).code == 137);
  fs::create_directory(cut / ".checkpoint-10.partial-1");
  const Outcome resumed = swift::tests::swift(with(train_words(cut, more), kResume));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  check_same_end(whole, cut, 60);
}

TEST_CASE("the disk fills while saving: exit 1, and the last checkpoint resumes to the same bytes") {
  const std::vector<std::string> more = {"--max_steps", "60", "--save_steps", "3", "--report_to", "none"};
  const fs::path whole = scratch("disk-whole"), cut = scratch("disk-cut");
  REQUIRE(swift::tests::swift(train_words(whole, more)).code == 0);
  Outcome failed;
  for (int i = 0; i < kTries && failed.code != 1; ++i) {
    fs::remove_all(cut);
    pid_t child = 0;
    failed = run({.words = train_words(cut, more),
                  .file_bytes = 100'000'000,
                  .when =
                      [&] {
                        if (!fs::exists(cut / "checkpoint-3")) return false;
                        const rlimit full{25'000, 25'000};  // less than an adapter, more than the log
                        prlimit(child, RLIMIT_FSIZE, &full, nullptr);
                        return true;
                      },
                  .child = &child});
  }
  INFO(failed.err);
  REQUIRE(failed.code == 1);
  CHECK(failed.out.empty());
  CHECK(failed.err.find("disk full") != std::string::npos);
  CHECK(failed.err.find("the last complete checkpoint is") != std::string::npos);
  const Outcome resumed = swift::tests::swift(with(train_words(cut, more), kResume));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  check_same_end(whole, cut, 60);
}

TEST_CASE("an evaluation cut off by a signal is made again on resuming") {
  const fs::path output = scratch("evaluation");
  write(scratch("evaluation-data") / "val.jsonl", rows(600));
  const auto words =
      train_words(output, {"--val_dataset", scratch_root() / "evaluation-data/val.jsonl", "--eval_steps", "4",
                           "--per_device_eval_batch_size", "1", "--max_steps", "5"});
  const auto logged = [&](const char* key) {
    return fs::exists(output / "logging.jsonl") &&
           contents(output / "logging.jsonl").find(key) != std::string::npos;
  };
  Outcome stopped;
  for (int i = 0; i < kTries && (stopped.code != 143 || logged("eval_loss")); ++i) {
    fs::remove_all(output);
    stopped = run({.words = words, .when = [&] { return logged("\"step\":4"); }, .signal = SIGTERM});
  }
  REQUIRE(stopped.code == 143);
  REQUIRE(fs::exists(output / "checkpoint-4"));
  REQUIRE_FALSE(fs::exists(output / "checkpoint-5"));
  REQUIRE(swift::tests::swift(with(words, kResume)).code == 0);
  std::vector<int> evaluated;
  for (const std::string& line : metrics(output)) {
    const base::Json row = base::Json::parse(line);
    if (row.contains("eval_loss")) evaluated.push_back(row.at("step").get<int>());
  }
  CHECK(evaluated == std::vector<int>{4, 5});
}

TEST_CASE("SIGINT saves a checkpoint and ends with 130") {
  const fs::path output = scratch("interrupt");
  const Outcome stopped = cut_off(train_words(output, {"--max_steps", "2000", "--save_steps", "5000"}),
                                  output, SIGINT, [&] { return has_log(output); });
  CHECK(stopped.code == 130);
  const auto last = last_line(output / "logging.jsonl");
  CHECK(fs::exists(fs::path(last.at("last_model_checkpoint").get<std::string>()) /
                   "adapter_model.safetensors"));
}

TEST_CASE("a signal while data is read ends the run with nothing saved") {
  const fs::path at = scratch("early");
  write(at / "data.jsonl", rows(100'000));
  const auto words = train_words(at / "out", {"--dataset", at / "data.jsonl"});
  for (const int signal : {SIGTERM, SIGINT}) {
    pid_t child = 0;
    // The handlers are installed before any file is opened.
    const auto reads = [&] {
      std::error_code fault;
      for (const auto& link : fs::directory_iterator("/proc/" + std::to_string(child) + "/fd", fault)) {
        if (fs::read_symlink(link.path(), fault).filename() == "data.jsonl") return true;
      }
      return false;
    };
    const Outcome stopped = run({.words = words, .when = reads, .signal = signal, .child = &child});
    INFO(stopped.err);
    CHECK(stopped.code == 128 + signal);
    CHECK(stopped.out.empty());
    CHECK(stopped.err.find("nothing was saved") != std::string::npos);
    CHECK(fs::is_empty(at / "out"));
  }
}

TEST_CASE("resuming with other settings or data is refused by name") {
  const fs::path output = scratch("changed");
  REQUIRE(swift::tests::swift(train_words(output)).code == 0);
  const std::vector<std::vector<std::string>> changes = {
      {"--learning_rate", "2e-3"}, {"--lora_rank", "4"}, {"--lora_dropout", "0.2"},
      {"--weight_decay", "0"},     {"--seed", "1"},      {"--per_device_train_batch_size", "1"},
      {"--max_grad_norm", "5"},    {"--packing", "true"}};
  for (const auto& change : changes) {
    const Outcome outcome = swift::tests::swift(with(with(train_words(output), change), kResume));
    CAPTURE(change, outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out.empty());
    // Packing is noticed by the number of sequences.
    CHECK(outcome.err.find(change[0] == "--packing" ? "items was" : change[0].substr(2) + " was") !=
          std::string::npos);
  }
  write(output / "other.jsonl", rows(40) + rows(1));
  CHECK(swift::tests::swift(with(train_words(output, {"--dataset", output / "other.jsonl"}), kResume)).code ==
        2);
}

TEST_CASE("resuming a finished run changes nothing, and broken or absent state is refused") {
  const fs::path output = scratch("finished");
  REQUIRE(swift::tests::swift(train_words(output)).code == 0);
  const fs::path checkpoint = output / "checkpoint-6";
  const std::string weights = contents(checkpoint / "adapter_model.safetensors");
  const auto from = [&](const fs::path& where) {
    return swift::tests::swift(with(train_words(output), {"--resume_from_checkpoint", where}));
  };
  CHECK(from("auto").code == 0);
  CHECK(contents(checkpoint / "adapter_model.safetensors") == weights);
  const Outcome none = from(output);
  CHECK(none.code == 2);
  CHECK(none.err.find("not a checkpoint") != std::string::npos);
  const std::string state = contents(checkpoint / "trainer_state.json");
  write(checkpoint / "trainer_state.json", R"({"step": "six"})");
  CHECK(from(checkpoint).code == 4);
  write(checkpoint / "trainer_state.json", state);
  fs::resize_file(checkpoint / "optimizer.safetensors", 100);
  CHECK(from(checkpoint).code == 4);
}
