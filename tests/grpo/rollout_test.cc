// Rollouts of the engine on the live weights: log-probabilities that are the trainer's own, shared prompts,
// adapters that follow updates, and conversations with an environment.
#include <catch2/catch.hpp>

#include "support.h"

using namespace swift;
using namespace swift::tests;

namespace {

std::vector<grpo::Prompt> questions(const Demo& demo) {
  return {
      demo.prompt("How much is 3 plus 4?"), demo.prompt("Sort these numbers: 9, 2, 14"),
      demo.prompt("A rather long question, so that it fills more than one block of the cache: which of the "
                  "words chair, bell, glove, scarf and spoon is the name of something that one wears?")};
}

std::vector<grpo::Rollout> sample(Demo& demo, grpo::EngineSource& source,
                                  const std::vector<grpo::Prompt>& prompts, int64_t group,
                                  double temperature) {
  grpo::RolloutSettings settings;
  settings.sampling.temperature = temperature;
  settings.max_completion_length = 24;
  settings.max_positions = demo.decoder.spec.max_positions;
  std::vector<int64_t> which;
  std::vector<uint64_t> streams;
  for (size_t p = 0; p < prompts.size(); ++p)
    for (int64_t k = 0; k < group; ++k) {
      which.push_back(static_cast<int64_t>(p));
      streams.push_back(streams.size());
    }
  return grpo::generate(prompts, which, streams, source, *demo.encoder, nullptr, settings);
}

std::vector<grpo::SequenceRef> refs(const std::vector<grpo::Prompt>& prompts,
                                    const std::vector<grpo::Rollout>& rollouts) {
  std::vector<grpo::SequenceRef> result;
  for (const auto& rollout : rollouts)
    result.push_back({&prompts[static_cast<size_t>(rollout.prompt)], &rollout});
  return result;
}

}  // namespace

TEST_CASE("rollout log-probabilities are the trainer's, bit for bit, before and after an update") {
  Demo demo;
  if (!grpo::rollouts_are_exact(demo.decoder)) {
    WARN("skipped: this machine has no bf16 matrix kernels");
    return;
  }
  const auto prompts = questions(demo);
  grpo::EngineSource source(demo.decoder, demo.text.tokenizer, demo.ends(), {});
  CHECK(source.exact());
  for (const double temperature : {1.0, 0.9}) {
    CAPTURE(temperature);
    const auto rollouts = sample(demo, source, prompts, 4, temperature);
    const auto sequences = refs(prompts, rollouts);
    for (const bool share : {false, true}) {
      CAPTURE(share);
      const auto trainer = grpo::sequence_log_probs(demo.decoder, sequences, temperature, 5, share);
      for (size_t i = 0; i < rollouts.size(); ++i) {
        CAPTURE(i);
        CHECK(trainer[i] == rollouts[i].log_probs);
      }
    }
    stir(demo.decoder, 0.01, 5);  // an update
    source.follow(1);
  }
}

TEST_CASE("in fp32 rollouts and trainer agree to rounding") {
  Demo demo("float32");
  const auto prompts = questions(demo);
  grpo::EngineSource source(demo.decoder, demo.text.tokenizer, demo.ends(), {});
  CHECK_FALSE(source.exact());
  const auto rollouts = sample(demo, source, prompts, 3, 1.0);
  const auto trainer = grpo::sequence_log_probs(demo.decoder, refs(prompts, rollouts), 1.0, 9, true);
  for (size_t i = 0; i < rollouts.size(); ++i) {
    REQUIRE(trainer[i].size() == rollouts[i].log_probs.size());
    for (size_t t = 0; t < trainer[i].size(); ++t)
      CHECK(trainer[i][t] == Approx(rollouts[i].log_probs[t]).margin(2e-4));
  }
}

TEST_CASE("a full model that is trained is followed by the engine") {
  Demo demo;
  for (model::LinearLayer* linear : demo.decoder.linears()) linear->lora.reset();
  if (!grpo::rollouts_are_exact(demo.decoder)) return;
  demo.decoder.visit([](const std::string& /*name*/, at::Tensor& weight) {
    weight = weight.detach().clone();
    weight.requires_grad_(true);
  });
  demo.decoder.lm_head = demo.decoder.embed_tokens;
  const auto prompts = questions(demo);
  grpo::EngineSource source(demo.decoder, demo.text.tokenizer, demo.ends(), {});
  {
    const at::NoGradGuard no_grad;
    at::manual_seed(3);
    demo.decoder.visit([](const std::string& /*name*/, at::Tensor& weight) {
      weight.mul_(1 + 0.01 * at::randn_like(weight));
    });
  }
  source.follow(1);
  const auto rollouts = sample(demo, source, prompts, 2, 1.0);
  const auto trainer = grpo::sequence_log_probs(demo.decoder, refs(prompts, rollouts), 1.0, 4, false);
  for (size_t i = 0; i < rollouts.size(); ++i) CHECK(trainer[i] == rollouts[i].log_probs);
}

TEST_CASE("a group's prompt is computed once") {
  Demo demo;
  std::string text;
  for (int i = 0; i < 20; ++i) text += "the chair and the bell and the glove, ";
  const std::vector<grpo::Prompt> prompts = {demo.prompt(text)};
  const auto blocks = static_cast<uint64_t>(prompts[0].ids.size()) / ops::kBlockTokens;
  REQUIRE(blocks >= 2);
  grpo::EngineSource source(demo.decoder, demo.text.tokenizer, demo.ends(), {});
  sample(demo, source, prompts, 6, 1.0);
  CHECK(source.stats().prefix_hits >= 5 * (blocks - 1) * ops::kBlockTokens);
}

TEST_CASE("completions depend on the seed alone, not on what else is sampled") {
  Demo demo;
  const auto prompts = questions(demo);
  grpo::EngineSource one(demo.decoder, demo.text.tokenizer, demo.ends(), {}),
      two(demo.decoder, demo.text.tokenizer, demo.ends(), {.max_num_seqs = 3});
  const auto a = sample(demo, one, prompts, 4, 1.0), b = sample(demo, two, prompts, 4, 1.0);
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i].ids == b[i].ids);
}

TEST_CASE("an environment's turn is tokens behind the completion, and the loss does not count them") {
  Demo demo;
  const std::vector<grpo::Prompt> prompts = {demo.prompt("How much is 3 plus 4?")};
  const int32_t end = *demo.text.tokenizer.id_of("<|im_end|>");
  ScriptedSource source(demo.text.tokenizer, end, {"call add", "7"});
  const fs::path folder = scratch("environment");
  std::ofstream(folder / "tool.sh")
      << "read line\necho '{\"messages\": [{\"role\": \"user\", \"content\": \"it is 7\"}]}'\n"
         "read line\necho '{\"done\": true, \"reward\": 0.5}'\n";
  const auto environment =
      train::rewards::make_environment("command:sh " + (folder / "tool.sh").string(), 10);
  grpo::RolloutSettings settings;
  settings.max_completion_length = 50;
  settings.max_positions = 512;
  const auto rollouts = grpo::generate(prompts, {0}, {9}, source, *demo.encoder, environment.get(), settings);
  REQUIRE(rollouts.size() == 1);
  const grpo::Rollout& r = rollouts[0];
  CHECK(r.turns == 2);
  CHECK(r.environment_reward == 0.5);
  CHECK(r.text == "7");
  CHECK(r.messages.size() == 4);
  // What the policy read and wrote is what the template writes for the whole conversation.
  data::Row row = prompts[0].row;
  row.messages = r.messages;
  row.messages.erase(3);
  std::vector<int32_t> whole = demo.encoder->encode_prompt(row);
  const std::vector<int32_t> last = demo.text.tokenizer.encode("7");
  whole.insert(whole.end(), last.begin(), last.end());
  whole.push_back(end);
  std::vector<int32_t> seen = prompts[0].ids;
  seen.insert(seen.end(), r.ids.begin(), r.ids.end());
  CHECK(seen == whole);
  CHECK(source.asked[1].prompt ==
        std::vector<int32_t>(whole.begin(), whole.end() - static_cast<std::ptrdiff_t>(last.size()) - 1));
  const auto mask = grpo::loss_mask(r, false);
  const auto own = static_cast<int64_t>(demo.text.tokenizer.encode("call add").size() + last.size()) + 2;
  CHECK(r.written_tokens() == own);
  CHECK(std::count(mask.begin(), mask.end(), 1.0F) == own);
  for (size_t t = 0; t < mask.size(); ++t) CHECK((mask[t] == 0.0F) == (r.log_probs[t] == 0.0F));
}

TEST_CASE("environments that die, hang or answer nonsense are errors that name the row") {
  Demo demo;
  const std::vector<grpo::Prompt> prompts = {demo.prompt("How much is 3 plus 4?")};
  const auto with = [&](const std::string& program, double timeout) {
    ScriptedSource source(demo.text.tokenizer, *demo.text.tokenizer.id_of("<|im_end|>"), {"x"});
    const auto environment = train::rewards::make_environment("command:" + program, timeout);
    grpo::RolloutSettings settings;
    settings.max_positions = 512;
    grpo::generate(prompts, {0}, {1}, source, *demo.encoder, environment.get(), settings);
  };
  CHECK_THROWS_WITH(with("true", 5), Catch::Contains("rows.jsonl:1") && Catch::Contains("without an answer"));
  CHECK_THROWS_WITH(with("sleep 60", 0.2), Catch::Contains("did not answer in 0.2 seconds"));
  CHECK_THROWS_WITH(with("echo hello", 5), Catch::Contains("JSON object"));
  CHECK_THROWS_WITH(with("sh -c 'echo {\\\"messages\\\":[1]}'", 5),
                    Catch::Contains("without role and content"));
  CHECK_THROWS_WITH(train::rewards::make_environment("gym", 1), Catch::Contains("gym"));
}

TEST_CASE("cut off completions leave the loss with overlong_filter") {
  grpo::Rollout rollout;
  rollout.ids = {1, 2, 3};
  rollout.written = {1, 0, 1};
  rollout.truncated = true;
  CHECK(grpo::loss_mask(rollout, false) == std::vector<float>{1, 0, 1});
  CHECK(grpo::loss_mask(rollout, true) == std::vector<float>{0, 0, 0});
}

TEST_CASE("a round goes into a checkpoint and comes back bit for bit") {
  grpo::Round round;
  round.index = 3;
  round.update = 2;
  round.rollouts.resize(2);
  round.rollouts[0] = {5, {1, 2}, {1, 0}, {-0.1F, 0.0F}, "a", base::Json::array(), true, 2, 0.25};
  round.rollouts[1] = {6, {3}, {1}, {-1.0F / 3}, "b", base::Json::array(), false, 1, std::nullopt};
  round.rewards = {{0.1, std::nan("")}, {1.0 / 3, 2}};
  round.advantage.rewards = {0.1, std::nan("")};
  round.advantage.advantages = {1.0 / 7, -1};
  round.old_log_probs = {{-0.1F, 0.7F}, {-1.0F / 3}};
  round.trained_tokens = 2;
  round.used = 1;
  const grpo::Round back = grpo::round_from_json(base::Json::parse(grpo::to_json(round).dump()));
  CHECK(back.rollouts[0].ids == round.rollouts[0].ids);
  CHECK(back.rollouts[1].log_probs == round.rollouts[1].log_probs);
  CHECK(back.rollouts[0].environment_reward == 0.25);
  CHECK(back.old_log_probs == round.old_log_probs);
  CHECK(back.ref_log_probs.empty());
  CHECK(back.advantage.advantages == round.advantage.advantages);
  CHECK(std::isnan(back.rewards[0][1]));
  CHECK(back.used == 1);
  CHECK_THROWS_WITH(grpo::round_from_json(base::Json::object()), Catch::Contains("malformed"));
}
