// Early stopping, schedules and losses as a user sets them.
#include <catch2/catch.hpp>

#include "fixture.h"

using namespace swift;
using namespace swift::tests;

namespace {

// The losses of a short run, and the whole outcome.
std::vector<double> losses(const fs::path& output, const std::vector<std::string>& more) {
  const Outcome trained = swift::tests::swift(train_words(output, more));
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  std::vector<double> found;
  std::istringstream log(contents(output / "logging.jsonl"));
  for (std::string line; std::getline(log, line);) {
    const base::Json entry = base::Json::parse(line);
    if (entry.contains("loss")) found.push_back(entry.at("loss").get<double>());
  }
  return found;
}

}  // namespace

TEST_CASE("a run ends when the validation loss has not improved for a while, and stays ended") {
  const fs::path output = scratch("early");
  const std::vector<std::string> more = {"--split_dataset_ratio", "0.2", "--eval_strategy",       "steps",
                                         "--eval_steps",          "1",   "--early_stop_interval", "2",
                                         "--max_steps",           "20",  "--learning_rate",       "0"};
  const Outcome trained = swift::tests::swift(train_words(output, more));
  INFO(trained.err);
  REQUIRE(trained.code == 0);
  CHECK(trained.err.find("stopped early at step 3") != std::string::npos);
  const base::Json last = last_line(output / "logging.jsonl");
  CHECK(last.at("global_step") == 3);
  CHECK(fs::path(last.at("last_model_checkpoint").get<std::string>()).filename() == "checkpoint-3");
  auto again = train_words(output, more);
  again.insert(again.end(), {"--resume_from_checkpoint", "auto"});
  const Outcome resumed = swift::tests::swift(again);
  CHECK(resumed.code == 0);
  CHECK(last_line(output / "logging.jsonl").at("global_step") == 3);
}

TEST_CASE("each regulariser changes the loss, and the same seed gives the same run") {
  const std::vector<double> plain = losses(scratch("plain"), {});
  for (const auto& more : std::vector<std::vector<std::string>>{{"--neftune_noise_alpha", "5"},
                                                                {"--label_smoothing_factor", "0.1"},
                                                                {"--z_loss_coef", "0.01"},
                                                                {"--enable_dft_loss", "true"}}) {
    CAPTURE(more[0]);
    const std::vector<double> changed = losses(scratch("changed"), more);
    REQUIRE(changed.size() == plain.size());
    CHECK(changed[0] != plain[0]);
    CHECK(losses(scratch("changed"), more) == changed);
  }
}

TEST_CASE("a schedule takes its settings from lr_scheduler_kwargs, and a wrong one is a usage error") {
  const fs::path output = scratch("schedule");
  losses(output,
         {"--lr_scheduler_type", "cosine_with_min_lr", "--lr_scheduler_kwargs", R"({"min_lr_rate": 0.5})"});
  std::istringstream log(contents(output / "logging.jsonl"));
  double lowest = 1;
  for (std::string line; std::getline(log, line);) {
    const base::Json entry = base::Json::parse(line);
    if (entry.contains("learning_rate")) lowest = std::min(lowest, entry.at("learning_rate").get<double>());
  }
  CHECK(lowest >= 5e-4);
  const Outcome refused =
      swift::tests::swift(train_words(scratch("refused"), {"--lr_scheduler_kwargs", R"({"min_lr_rat": 1})"}));
  CHECK(refused.code == 2);
  CHECK(refused.err.find("did you mean 'min_lr_rate'?") != std::string::npos);
}
