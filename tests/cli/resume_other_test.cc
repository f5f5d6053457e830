// Resuming what does not belong together, and a log that cannot be written.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

const std::vector<std::string> kResume = {"--resume_from_checkpoint", "auto"};

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

// The fixture's model with one weight changed.
fs::path other_model() {
  const fs::path folder = scratch("other-model");
  for (const auto& entry : fs::directory_iterator(fixture().model)) {
    if (entry.is_regular_file()) fs::copy_file(entry.path(), folder / entry.path().filename());
  }
  std::string bytes = contents(folder / "model.safetensors");
  bytes[bytes.size() - 3] ^= 1;
  write(folder / "model.safetensors", bytes);
  return folder;
}

}  // namespace

TEST_CASE("a checkpoint of another model is refused, though the shapes agree") {
  const fs::path output = scratch("other-base");
  REQUIRE(swift::tests::swift(train_words(output)).code == 0);
  const Outcome outcome = swift::tests::swift(with(train_words(output, {"--model", other_model()}), kResume));
  INFO(outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.err.find("model weights was") != std::string::npos);
}

TEST_CASE("resuming names everything that changed, the number of processes too") {
  const fs::path output = scratch("all-changes");
  REQUIRE(swift::tests::swift(train_words(output)).code == 0);
  const fs::path state = output / "checkpoint-6/trainer_state.json";
  base::Json json = base::Json::parse(contents(state));
  json["fingerprint"]["world_size"] = 2;
  write(state, json.dump());
  const Outcome outcome = swift::tests::swift(
      with(train_words(output, {"--learning_rate", "2e-3", "--weight_decay", "0"}), kResume));
  INFO(outcome.err);
  CHECK(outcome.code == 2);
  for (const char* change : {"world_size was 2, now it is 1", "learning_rate was", "weight_decay was"})
    CHECK(outcome.err.find(change) != std::string::npos);
}

TEST_CASE("the disk fills while the log is written: exit 1, whole lines, and resuming loses nothing") {
  const std::vector<std::string> more = {"--max_steps", "60", "--save_steps", "3", "--report_to", "none"};
  const fs::path whole = scratch("log-whole"), cut = scratch("log-cut");
  REQUIRE(swift::tests::swift(train_words(whole, more)).code == 0);
  Outcome failed;
  for (int i = 0; i < 8 && failed.code != 1; ++i) {
    fs::remove_all(cut);
    pid_t child = 0;
    failed = run({.words = train_words(cut, more),
                  .file_bytes = 100'000'000,
                  .when =
                      [&] {
                        // Longer than args.json and what goes to stderr, which is a file too.
                        const fs::path log = cut / "logging.jsonl";
                        if (!fs::exists(log) || fs::file_size(log) < 10000) return false;
                        const rlim_t size = fs::file_size(log) + 40;  // within a line
                        const rlimit full{size, size};
                        prlimit(child, RLIMIT_FSIZE, &full, nullptr);
                        return true;
                      },
                  .child = &child});
  }
  INFO(failed.err);
  REQUIRE(failed.code == 1);
  CHECK(failed.err.find("disk full") != std::string::npos);
  CHECK(failed.err.find("the last complete checkpoint is") != std::string::npos);
  std::istringstream log(contents(cut / "logging.jsonl"));
  for (std::string line; std::getline(log, line);) CHECK(base::Json::accept(line));
  CHECK(contents(cut / "logging.jsonl").back() == '\n');
  const Outcome resumed = swift::tests::swift(with(train_words(cut, more), kResume));
  INFO(resumed.err);
  REQUIRE(resumed.code == 0);
  for (const auto& file : fs::directory_iterator(whole / "checkpoint-60")) {
    if (file.path().extension() == ".safetensors")
      CHECK(contents(file.path()) == contents(cut / "checkpoint-60" / file.path().filename()));
  }
}
