// A model that draws tokens itself gives the answers of one that hands out logits, in fewer calls.
#include "collect.h"
#include "infer/engine.h"
#include "infer/sampler.h"

using namespace swift;
using namespace swift::infer;
using fake::Answer;
using fake::bytes;
using fake::tokenizer;

namespace {

constexpr int64_t kAhead = 5;

// Logits that depend on the last three tokens, never the same twice.
void scramble(const std::vector<int32_t>& sequence, std::span<float> logits) {
  uint64_t state = 1;
  for (size_t i = sequence.size() - std::min<size_t>(3, sequence.size()); i < sequence.size(); ++i)
    state = state * 6364136223846793005ULL + static_cast<uint64_t>(sequence[i]) + 1442695040888963407ULL;
  for (float& logit : logits) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    logit = static_cast<float>(state >> 40) * 0x1p-22F;
  }
}

// Draws by the rules with a sampler of its own for each row.
class Drawing : public fake::Model {
 public:
  using fake::Model::Model;
  bool draws() const override { return true; }
  int64_t draws_ahead(int64_t /*sequences*/) const override { return kAhead; }

  ops::DrawnTokens draw(std::span<const Step> steps, std::span<const ops::DrawRule> rules,
                        int64_t count) override {
    counts.push_back(count);
    std::vector<Step> now(steps.begin(), steps.end());
    std::vector<int32_t> last(rules.size());
    ops::DrawnTokens result;
    const int32_t told = ops::told_tokens(rules);
    for (int64_t t = 0; t < count; ++t) {
      for (Step& step : now) {
        const int64_t end = step.start + static_cast<int64_t>(step.tokens.size());
        step.blocks = step.blocks.first(static_cast<size_t>((end + block_tokens() - 1) / block_tokens()));
      }
      const auto logits = forward(now);
      for (size_t r = 0; r < rules.size(); ++r) {
        ops::DrawRule rule = rules[r];
        rule.index += static_cast<uint64_t>(t);
        const auto own = logits.subspan(r * fake::kVocab, fake::kVocab);
        last[r] = choose(own, rule);
        result.tokens.push_back(last[r]);
        if (told >= 0) result.log_probs.push_back(tell(own, last[r], told, rule));
      }
      if (count == 1) break;
      for (size_t r = 0; r < now.size(); ++r) {
        now[r].tokens = {&last[r], 1};
        now[r].start += 1;
        now[r].blocks = steps[r].blocks;
      }
    }
    return result;
  }

  std::vector<int64_t> counts;

 private:
  // All rows are told of as many tokens as one asks for.
  ops::DrawnLogProbs tell(std::span<const float> logits, int32_t token, int32_t count,
                          const ops::DrawRule& rule) const {
    const PositionLogprobs position = position_logprobs(logits, token, count);
    ops::DrawnLogProbs told{static_cast<float>(position.chosen.logprob), 0, {}};
    for (const TokenLogprob& top : position.top)
      told.top.emplace_back(top.token_id, static_cast<float>(top.logprob));
    if (rule.sampled_log_prob)
      told.sampled = static_cast<float>(token_log_prob(logits, token, rule.temperature));
    return told;
  }

  static int32_t choose(std::span<const float> logits, const ops::DrawRule& rule) {
    std::vector<float> edited(logits.begin(), logits.end());
    for (const auto& [id, value] : rule.bias) edited[static_cast<size_t>(id)] += value;
    for (size_t id = 0; id < edited.size() && !rule.mask.empty(); ++id) {
      if ((rule.mask[id / 64] >> id % 64 & 1) == 0) edited[id] = -INFINITY;
    }
    if (std::all_of(edited.begin(), edited.end(), [](float v) { return v == -INFINITY; }))
      return ops::kNothingLeft;
    if (rule.temperature == 0) return arg_max(edited);
    SamplingParams params;
    params.temperature = rule.temperature;
    params.top_k = rule.top_k;
    SamplingScratch scratch;
    return draw_token(edited, params,
                      base::Stream(rule.seed, base::Purpose::sampling, rule.stream).uniform(rule.index),
                      scratch);
  }
};

std::vector<SamplingParams> kinds() {
  std::vector<SamplingParams> all(8);
  for (SamplingParams& params : all) params.temperature = 0, params.max_new_tokens = 23;
  all[1].temperature = 1.3, all[1].top_k = 20;
  all[2].stop = {"a", "Q"};
  all[3].allowed_ids = {{'x', 'y', 'z'}};
  all[4].min_tokens = 9, all[4].stop_ids = {'k', 'm', 'e', 't', 'o', 'i', 'u'};
  all[5].bad_words = {{'h'}, {'x', 'y'}};
  all[6].logit_bias = {{'p', 2.0}, {'q', 1.5}};
  all[7].max_new_tokens = 1;
  return all;
}

std::map<uint64_t, Answer> answers(StepModel& model, const std::vector<SamplingParams>& params,
                                   int64_t max_num_seqs) {
  Engine engine(model, tokenizer(),
                {.eos_token_ids = {fake::kEnd}, .scheduler = {.max_num_seqs = max_num_seqs}});
  for (size_t i = 0; i < params.size(); ++i)
    engine.add({.id = i, .prompt = bytes(std::to_string(i) + " prompts"), .params = params[i], .stream = i});
  return fake::answer_all(engine);
}

void check_same(const std::map<uint64_t, Answer>& got, const std::map<uint64_t, Answer>& want) {
  REQUIRE(got.size() == want.size());
  for (const auto& [id, answer] : want) {
    CAPTURE(id);
    CHECK(got.at(id).tokens == answer.tokens);
    CHECK(got.at(id).text == answer.text);
    CHECK(got.at(id).finish_reason == answer.finish_reason);
    CHECK(got.at(id).stop_string == answer.stop_string);
    CHECK(got.at(id).usage.completion_tokens == answer.usage.completion_tokens);
  }
}

}  // namespace

TEST_CASE("a model that draws answers as one whose logits are read, whatever runs beside") {
  for (const int64_t seqs : {1, 3, 64}) {
    CAPTURE(seqs);
    fake::Model plain(scramble);
    Drawing drawing(scramble);
    check_same(answers(drawing, kinds(), seqs), answers(plain, kinds(), seqs));
    CHECK_FALSE(drawing.counts.empty());
  }
}

TEST_CASE("sequences that nothing holds up draw several tokens a call, and none past their end") {
  std::vector<SamplingParams> params(4);
  for (size_t i = 0; i < params.size(); ++i)
    params[i].temperature = 0, params[i].max_new_tokens = 10 + static_cast<int64_t>(i),
    params[i].ignore_eos = true;
  Drawing drawing(scramble, fake::ModelSize{.positions = 32, .block_tokens = 4, .blocks = 64});
  fake::Model plain(scramble, fake::ModelSize{.positions = 32, .block_tokens = 4, .blocks = 64});
  check_same(answers(drawing, params, 64), answers(plain, params, 64));
  // The prompts, then five and four more for all; the rest runs out one sequence after the other.
  REQUIRE(drawing.counts.size() >= 3);
  CHECK(drawing.counts[0] == 1);
  CHECK(drawing.counts[1] == kAhead);
  CHECK(drawing.counts[2] == 4);
  CHECK(drawing.counts.size() <= 6);
}

TEST_CASE("log-probabilities come with the tokens that a call draws, for those who ask") {
  std::vector<SamplingParams> params(4);
  for (SamplingParams& each : params)
    each.temperature = 0.9, each.max_new_tokens = 12, each.ignore_eos = true;
  params[1].logprobs = true;
  params[2].logprobs = true, params[2].top_logprobs = 3;
  params[3].logprobs = true, params[3].top_logprobs = 5;
  Drawing drawing(scramble);
  fake::Model plain(scramble);
  const auto got = answers(drawing, params, 4), want = answers(plain, params, 4);
  check_same(got, want);
  CHECK(*std::max_element(drawing.counts.begin(), drawing.counts.end()) == kAhead);
  for (const auto& [id, answer] : want) {
    CAPTURE(id);
    REQUIRE(got.at(id).logprobs.size() == answer.logprobs.size());
    CHECK(answer.logprobs.size() == (id == 0 ? 0 : 12));
    for (size_t t = 0; t < answer.logprobs.size(); ++t) {
      const PositionLogprobs &own = got.at(id).logprobs[t], &expected = answer.logprobs[t];
      CHECK(own.chosen.token_id == expected.chosen.token_id);
      CHECK(own.chosen.logprob == Approx(expected.chosen.logprob).margin(1e-5));
      REQUIRE(own.top.size() == expected.top.size());
      for (size_t i = 0; i < own.top.size(); ++i) CHECK(own.top[i].token_id == expected.top[i].token_id);
    }
  }
}

TEST_CASE(
    "with masks or requests that wait, a call draws one token, and none for log-probabilities of prompts") {
  std::vector<SamplingParams> params(2);
  for (SamplingParams& each : params) each.temperature = 0, each.max_new_tokens = 6, each.ignore_eos = true;
  Drawing waiting(scramble);
  answers(waiting, params, 1);  // the second waits while the first runs
  CHECK(*std::max_element(waiting.counts.begin(), waiting.counts.begin() + 5) == 1);
  params[1].allowed_ids = {{'x', 'y'}};
  Drawing masked(scramble);
  answers(masked, params, 2);
  CHECK(*std::max_element(masked.counts.begin(), masked.counts.end()) == 1);
  params[1].allowed_ids = {}, params[1].prompt_logprobs = 0;
  Drawing of_prompts(scramble);
  answers(of_prompts, params, 2);
  CHECK(of_prompts.counts.front() == kAhead);  // behind the prompts, whose logits are read
}

TEST_CASE("logits that are not finite fail the request that drew from them") {
  Drawing broken([](const std::vector<int32_t>& sequence, std::span<float> logits) {
    logits['a'] = 1;
    if (sequence.size() > 4) logits['b'] = NAN;
  });
  Engine engine(broken, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  SamplingParams params;
  params.temperature = 0, params.max_new_tokens = 12;
  engine.add({.id = 1, .prompt = bytes("ab"), .params = params});
  const auto got = fake::answer_all(engine);
  CHECK(got.at(1).finish_reason == FinishReason::failed);
}
