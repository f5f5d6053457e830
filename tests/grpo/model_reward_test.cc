// A reward model as the reward of a run.
#include "train/grpo/model_reward.h"

#include <catch2/catch.hpp>

#include "model/value_head.h"
#include "support.h"

using namespace swift;
using namespace swift::tests;
using base::Json;

namespace {

train::rewards::Scored answer(const std::string& text) {
  train::rewards::Scored row;
  row.prompt = "How much is 1 plus 1?";
  row.completion = text;
  row.messages =
      Json::array({{{"role", "user"}, {"content", row.prompt}}, {{"role", "assistant"}, {"content", text}}});
  row.where = {"rows.jsonl", 3, 0};
  return row;
}

// The score at the last token of one conversation, alone.
double score_alone(const Demo& demo, const train::rewards::Scored& row) {
  const at::NoGradGuard no_grad;
  data::Row conversation;
  conversation.messages = row.messages;
  const auto ids = demo.encoder->encode(conversation).input_ids;
  std::vector<int32_t> positions(ids.size());
  std::iota(positions.begin(), positions.end(), 0);
  model::PackedContext attention({0, static_cast<int32_t>(ids.size())});
  const at::Tensor hidden = demo.decoder.hidden_states(ids, positions, attention);
  return model::scores_of(demo.decoder, hidden.narrow(0, hidden.size(0) - 1, 1)).item<double>();
}

}  // namespace

TEST_CASE("a reward model scores each conversation at its last token, whatever is beside it") {
  Demo demo("float32");
  model::attach_value_head(demo.decoder, at::kFloat, 3);
  const fs::path saved = scratch("reward-adapter");
  model::save_adapter(demo.decoder, demo.settings, demo_model().string(), saved);
  const auto reward = train::grpo::make_model_reward(saved, "float32", at::kCPU);
  std::vector<train::rewards::Scored> rows;
  for (const char* text : {"2", "It is two, as 1 and 1 make 2.", "", "11"}) rows.push_back(answer(text));
  const auto scores = reward->score(rows);
  REQUIRE(scores.size() == rows.size());
  for (size_t i = 0; i < rows.size(); ++i)
    CHECK(scores[i] == Approx(score_alone(demo, rows[i])).margin(1e-4));
  CHECK(scores[0] != scores[3]);
}

TEST_CASE("what is no reward model is refused, and a conversation that is too long names its row") {
  CHECK_THROWS_WITH(train::grpo::make_model_reward(demo_model(), "float32", at::kCPU),
                    Catch::Contains("no head 'score'"));
  Demo demo("float32");
  model::attach_value_head(demo.decoder, at::kFloat, 3);
  const fs::path saved = scratch("reward-long");
  model::save_adapter(demo.decoder, demo.settings, demo_model().string(), saved);
  const auto reward = train::grpo::make_model_reward(saved, "float32", at::kCPU);
  const auto row = answer(std::string(20000, 'x'));
  CHECK_THROWS_WITH(reward->score({&row, 1}), Catch::Contains("tokens for the reward model"));
}
