// A draft model beside the real decoder: the answers are those without it.
#include <cmath>

#include "base/error.h"
#include "engine_fixture.h"
#include "infer/logprobs.h"

using namespace swift;
using namespace swift::tests;
using infer::fake::answer_all;
using infer::fake::tokenizer;

namespace {

std::map<uint64_t, infer::fake::Answer> answers_of(const std::string& name,
                                                   std::unique_ptr<infer::Drafter> drafter,
                                                   infer::EngineStats& stats) {
  infer::DecoderModel model = served(name);
  infer::Engine engine(model, tokenizer(), {.eos_token_ids = {1}}, std::move(drafter));
  for (int64_t i = 0; i < 8; ++i) {
    infer::SamplingParams params{.temperature = i < 4 ? 0.0 : 0.7, .logprobs = true, .top_logprobs = 2};
    params.max_new_tokens = 40;
    params.ignore_eos = true;
    engine.add({.id = static_cast<uint64_t>(i),
                .prompt = prompt_of(9 + i, 5 * i),
                .params = params,
                .stream = static_cast<uint64_t>(i)});
  }
  auto answers = answer_all(engine);
  stats = engine.stats();
  return answers;
}

// Probabilities of the token after prompt, and after prompt and each token.
std::vector<double> second_token(infer::DecoderModel& model, const std::vector<int32_t>& prompt) {
  const auto vocab = static_cast<size_t>(model.vocab_size());
  const auto probabilities = [&](const std::vector<int32_t>& ids) {
    const auto size = static_cast<size_t>(model.block_tokens());
    std::vector<int32_t> blocks((ids.size() + size - 1) / size);
    std::iota(blocks.begin(), blocks.end(), 0);
    const infer::Step step{.tokens = ids, .blocks = blocks};
    const std::span<const float> logits = model.forward({&step, 1});
    const double total = infer::log_sum_exp(logits);
    std::vector<double> result;
    for (const float logit : logits) result.push_back(std::exp(logit - total));
    return result;
  };
  std::vector<double> sum(vocab, 0.0);
  const std::vector<double> first = probabilities(prompt);
  for (size_t token = 0; token < vocab; ++token) {
    std::vector<int32_t> longer = prompt;
    longer.push_back(static_cast<int32_t>(token));
    const std::vector<double> next = probabilities(longer);
    for (size_t i = 0; i < vocab; ++i) sum[i] += first[token] * next[i];
  }
  return sum;
}

}  // namespace

TEST_CASE("a draft model of the family leaves greedy and sampled answers as they are") {
  for (const char* name : {"qwen3", "qwen3_bf16", "llama"}) {
    CAPTURE(name);
    infer::EngineStats stats;
    const auto expected = answers_of(name, nullptr, stats);
    const uint64_t steps = stats.steps;
    CHECK(stats.drafts == 0);
    // The model itself is always right; one that is a little off sometimes; another model nearly never.
    for (const double noise : {0.0, 0.1, 3.0}) {
      CAPTURE(noise);
      infer::DecoderModel draft = disturbed(name, noise);
      const auto answers = answers_of(name, std::make_unique<infer::ModelDrafter>(draft), stats);
      for (const auto& [id, answer] : expected) CHECK(equal(answers.at(id), answer));
      CHECK(stats.drafts > 0);
      CHECK(stats.drafted >= stats.drafts);
      if (noise == 0) CHECK(stats.accepted == stats.drafted);
      if (noise > 0) CHECK(stats.accepted < stats.drafted);
      if (noise < 1) CHECK(stats.steps < steps);
    }
  }
}

TEST_CASE("drafted tokens have the model's distribution, not the draft model's") {
  infer::DecoderModel model = served("qwen3");
  const std::vector<int32_t> prompt = prompt_of(5, 17);
  const std::vector<double> expected = second_token(model, prompt);
  infer::DecoderModel draft = disturbed("qwen3", 0.5);
  infer::EngineOptions options{.scheduler = {.max_num_seqs = 64}};
  options.speculation.most_seqs = 64;
  infer::Engine engine(model, tokenizer(), options, std::make_unique<infer::ModelDrafter>(draft));
  constexpr int kRequests = 3000;
  for (uint64_t i = 0; i < kRequests; ++i) {
    infer::SamplingParams params;
    params.max_new_tokens = 3;
    params.ignore_eos = true;
    engine.add({.id = i, .prompt = prompt, .params = params, .stream = i});
  }
  std::vector<int> counts(expected.size());
  for (const auto& [id, answer] : answer_all(engine)) ++counts[static_cast<size_t>(answer.tokens.at(1))];
  CHECK(engine.stats().accepted > 100);
  CHECK(engine.stats().accepted < engine.stats().drafted);
  // Tokens that are expected less than eight times are counted as one.
  double chi_square = 0, rest = 0;
  int rest_count = 0, cells = 0;
  const auto add = [&](double want, int count) {
    chi_square += (count - want) * (count - want) / want;
    ++cells;
  };
  for (size_t i = 0; i < expected.size(); ++i) {
    const double want = expected[i] * kRequests;
    if (want >= 8) {
      add(want, counts[i]);
    } else {
      rest += want, rest_count += counts[i];
    }
  }
  if (rest > 8) add(rest, rest_count);
  REQUIRE(cells > 5);
  const double freedom = cells - 1;
  // Four standard deviations above the mean of chi-square; the seed is fixed.
  CHECK(chi_square < freedom + 4 * std::sqrt(2 * freedom));
}

TEST_CASE("a draft model whose vocabulary has other padding guesses what both have") {
  infer::DecoderModel draft = disturbed("qwen3", 0.0);
  infer::DecoderModel model = served("qwen3");
  infer::Engine engine(model, tokenizer(), {}, std::make_unique<infer::ModelDrafter>(draft, 2048, 100));
  infer::SamplingParams params{.temperature = 0};
  params.max_new_tokens = 30;
  params.ignore_eos = true;
  engine.add({.id = 0, .prompt = prompt_of(9, 1), .params = params});
  CHECK(answer_all(engine).at(0).tokens.size() == 30);
  CHECK(engine.stats().drafted > 0);
}
