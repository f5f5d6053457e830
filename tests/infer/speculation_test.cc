#include <cmath>

#include "base/error.h"
#include "collect.h"
#include "infer/model_drafter.h"
#include "infer/ngram_drafter.h"

using namespace swift;
using namespace swift::infer;
using fake::answer_all;
using fake::bytes;
using fake::tokenizer;

namespace {

// Guesses what the model would write, but every third guess is wrong.
class Oracle : public Drafter {
 public:
  explicit Oracle(fake::Rule rule) : rule_(std::move(rule)) {}
  void propose(std::span<const DraftQuery> queries) override {
    for (const DraftQuery& query : queries) {
      std::vector<int32_t> sequence(query.tokens.begin(), query.tokens.end());
      for (int64_t i = 0; i < query.most; ++i) {
        std::vector<float> logits(fake::kVocab);
        rule_(sequence, logits);
        int32_t token = query.sampler->guess(logits, static_cast<uint64_t>(i), scratch_);
        if (++count_ % 3 == 0) token = 'x';
        query.draft->push_back(token);
        sequence.push_back(token);
      }
    }
  }
  void forget(uint64_t) override {}

 private:
  fake::Rule rule_;
  int count_ = 0;
  SamplingScratch scratch_;
};

std::vector<Request> requests() {
  std::vector<Request> result;
  for (uint64_t i = 0; i < 12; ++i) {
    SamplingParams params{.temperature = i % 2 == 0 ? 0.0 : 0.9, .logprobs = true};
    if (i % 3 == 0) params.repetition_penalty = 1.2, params.frequency_penalty = 0.2;
    if (i % 4 == 1) params.top_p = 0.8;
    if (i % 4 == 2) params.stop = {"a", "e1"};
    params.max_new_tokens = 1 + static_cast<int64_t>(i * 5 % 30);
    result.push_back(
        {.id = i, .prompt = bytes("prompt " + std::to_string(i / 2)), .params = params, .stream = i});
  }
  return result;
}

std::map<uint64_t, fake::Answer> run(const fake::Rule& rule, std::unique_ptr<Drafter> drafter, int64_t blocks,
                                     EngineStats& stats) {
  fake::Model model(rule, {.blocks = blocks});
  EngineOptions options{.eos_token_ids = {fake::kEnd}};
  options.scheduler.max_num_seqs = 5;
  Engine engine(model, tokenizer(), options, std::move(drafter));
  for (const Request& request : requests()) engine.add(request);
  auto answers = answer_all(engine);
  stats = engine.stats();
  return answers;
}

}  // namespace

TEST_CASE("answers are the same with and without speculation, sampled ones too") {
  const fake::Rule rule = fake::scrambled_text();
  EngineStats stats;
  const auto expected = run(rule, nullptr, 4096, stats);
  const uint64_t steps = stats.steps;
  CHECK(stats.drafted == 0);
  for (const int64_t blocks : {4096, 24}) {
    CHECK(fake::same(run(rule, std::make_unique<Oracle>(rule), blocks, stats), expected));
    CHECK(stats.drafted > 0);
    CHECK(stats.accepted > 0);
    CHECK(stats.accepted < stats.drafted);
    if (blocks == 4096) CHECK(stats.steps < steps);
  }
  CHECK(fake::same(run(rule, std::make_unique<NgramDrafter>(), 4096, stats), expected));
}

TEST_CASE("draws under speculation follow the model's distribution") {
  const fake::Rule rule = [](const auto&, std::span<float> logits) {
    std::fill(logits.begin(), logits.end(), -100.0F);
    for (size_t i = 0; i < 6; ++i) logits['u' + i] = 0.4F * static_cast<float>(i);
  };
  fake::Model model(rule);
  Engine engine(model, tokenizer(), {.speculation = {.most_seqs = 1000}}, std::make_unique<Oracle>(rule));
  constexpr uint64_t kRequests = 1500;
  for (uint64_t i = 0; i < kRequests; ++i) {
    engine.add({.id = i, .prompt = {1}, .params = {.max_new_tokens = 6}, .stream = i});
    if (i % 8 == 7) engine.step();
  }
  std::map<int32_t, int> counts;
  while (!engine.idle()) {
    for (const Event& event : engine.step()) {
      for (const int32_t token : event.token_ids) ++counts[token];
    }
  }
  CHECK(engine.stats().accepted > 0);
  double total = 0;
  int drawn = 0;
  for (int i = 0; i < 6; ++i) total += std::exp(0.4 * i), drawn += counts['u' + i];
  double chi_square = 0;
  for (int i = 0; i < 6; ++i) {
    const double expected = drawn * std::exp(0.4 * i) / total;
    chi_square += std::pow(counts['u' + i] - expected, 2) / expected;
  }
  // 5 degrees of freedom: 20.5 is exceeded by chance once in 1000 seeds, and the seed is fixed.
  CHECK(chi_square < 20.5);
}

TEST_CASE("a draft model that is the model itself is always right, within its own blocks") {
  const fake::Rule rule = fake::scrambled_text();
  EngineStats stats;
  const auto expected = run(rule, nullptr, 4096, stats);
  for (const int64_t blocks : {4096, 20}) {
    fake::Model small(rule, {.block_tokens = 2, .blocks = blocks});
    auto drafter = std::make_unique<ModelDrafter>(small, 6);
    const ModelDrafter& watched = *drafter;
    fake::Model model(rule);
    Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}, .scheduler = {.max_num_seqs = 5}},
                  std::move(drafter));
    for (const Request& request : requests()) engine.add(request);
    CHECK(fake::same(answer_all(engine), expected));
    CHECK(watched.pool().used() == 0);
    CHECK(watched.pool().consistent());
    CHECK(engine.stats().drafted > 0);
    // Penalties, which the guess leaves out, and answers that end early are what is lost.
    CHECK(engine.stats().accepted * 3 > engine.stats().drafted);
  }
}

TEST_CASE("drafts that a constraint or the answer's length forbids are never taken") {
  const fake::Rule rule = fake::answering("?", "abcabcabcabcabc");
  fake::Model model(rule);
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}}, std::make_unique<NgramDrafter>());
  engine.add({.id = 0, .prompt = bytes("so?"), .params = {.temperature = 0, .max_new_tokens = 9}});
  engine.add({.id = 1, .prompt = bytes("so?"), .params = {.temperature = 0}});
  const auto answers = answer_all(engine);
  CHECK(answers.at(0).text == "abcabcabc");
  CHECK(answers.at(0).finish_reason == FinishReason::length);
  CHECK(answers.at(1).text == "abcabcabcabcabc");
  CHECK(engine.stats().accepted > 5);
  CHECK(engine.throughput().decode_tokens == 8 + 15);
}

TEST_CASE("prompt lookup continues the longest and latest match") {
  NgramDrafter drafter({.longest = 3, .shortest = 2});
  const auto guess = [&](const std::string& text, int64_t most) {
    const auto tokens = bytes(text);
    std::vector<int32_t> draft;
    const DraftQuery query{.tokens = tokens, .most = most, .draft = &draft};
    drafter.propose({&query, 1});
    return fake::text_of(draft);
  };
  CHECK(guess("abcX...abcY...abc", 2) == "Y.");
  CHECK(guess("zbcX...abcY...bc", 1) == "Y");
  CHECK(guess("zabcX..bcY..abc", 1) == "X");
  CHECK(guess("aaaa", 4) == "aaaa");
  CHECK(guess("abcd", 4).empty());
  CHECK(guess("a", 4).empty());
  CHECK_THROWS_AS(NgramDrafter({.longest = 1, .shortest = 2}), base::Error);
}

TEST_CASE("a drafter that fails only ends the guessing") {
  class Broken : public Drafter {
   public:
    void propose(std::span<const DraftQuery>) override { throw std::runtime_error("broken"); }
    void forget(uint64_t) override {}
  };
  fake::Model model(fake::answering("?", "abc"));
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}}, std::make_unique<Broken>());
  engine.add({.id = 0, .prompt = bytes("?"), .params = {.temperature = 0}});
  CHECK(answer_all(engine).at(0).text == "abc");
}

TEST_CASE("a draft model whose tokens differ is refused, with the first that does") {
  const std::filesystem::path folder = std::filesystem::path(SWIFT_SOURCE_DIR) / "assets/demo/base";
  const text::Tokenizer own = text::Tokenizer::load(folder, {"<|a|>"});
  CHECK_NOTHROW(require_same_tokens(own, text::Tokenizer::load(folder, {"<|a|>"}), "draft"));
  CHECK_THROWS_WITH(require_same_tokens(own, text::Tokenizer::load(folder, {"<|b|>"}), "draft"),
                    Catch::Contains("is '<|b|>', for the model '<|a|>'"));
  CHECK_THROWS_WITH(require_same_tokens(own, text::Tokenizer::load(folder), "draft"),
                    Catch::Contains("its tokens are not those of the model: it has "));
}

TEST_CASE("a draft model guesses only ids that both models have, and nothing behind one it lacks") {
  const fake::Rule rule = [](const auto& sequence, std::span<float> logits) {
    logits[sequence.size() % 2 == 0 ? 'y' : 'x'] = 9;
    logits[static_cast<size_t>(fake::kPadding)] = 99;  // of the small model only
  };
  fake::Model small(rule);
  ModelDrafter drafter(small, 64, fake::kPadding);
  const Sampler greedy({.temperature = 0}, {}, 0);
  const auto guess = [&](std::vector<int32_t> tokens) {
    std::vector<int32_t> draft;
    const DraftQuery query{.id = 1, .tokens = tokens, .sampler = &greedy, .most = 3, .draft = &draft};
    drafter.propose({&query, 1});
    drafter.forget(1);
    return draft;
  };
  CHECK(guess({'a', 'b'}) == std::vector<int32_t>{'y', 'x', 'y'});
  CHECK(guess({'a', fake::kVocab + 5}).empty());
  CHECK(drafter.pool().used() == 0);
}
