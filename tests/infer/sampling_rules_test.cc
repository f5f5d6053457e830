#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/rng.h"
#include "collect.h"
#include "infer/vocab_scan.h"

using namespace swift;
using namespace swift::infer;
using fake::answer_all;
using fake::bytes;
using fake::tokenizer;

namespace {

// Accepts one of the given byte strings.
class OneOf : public text::TokenMatcher {
 public:
  explicit OneOf(std::vector<std::string> texts) : texts_(std::move(texts)) {}
  std::unique_ptr<text::TokenMatcher> clone() const override { return std::make_unique<OneOf>(*this); }
  void allowed(std::span<uint64_t> words) override {
    std::fill(words.begin(), words.end(), 0);
    for (const std::string& text : texts_) {
      if (text.size() <= done_.size() || !text.starts_with(done_)) continue;
      const auto byte = static_cast<unsigned char>(text[done_.size()]);
      words[byte / 64] |= uint64_t{1} << byte % 64;
    }
  }
  bool may_end() const override { return std::find(texts_.begin(), texts_.end(), done_) != texts_.end(); }
  bool accept(int32_t token) override {
    const std::string next = done_ + static_cast<char>(token);
    const bool fits = std::any_of(texts_.begin(), texts_.end(),
                                  [&](const std::string& text) { return text.starts_with(next); });
    if (fits) done_ = next;
    return fits;
  }

 private:
  std::vector<std::string> texts_;
  std::string done_;
};

fake::Answer answer(const SamplingParams& params, const fake::Rule& rule, const std::string& prompt = "p?") {
  fake::Model model(rule);
  Engine engine(model, tokenizer(), {.eos_token_ids = {fake::kEnd}});
  engine.add({.id = 1, .prompt = bytes(prompt), .params = params});
  return answer_all(engine).at(1);
}

// Prefers a to b to c to the end.
void alphabet(const std::vector<int32_t>&, std::span<float> logits) {
  logits['a'] = 9;
  logits['b'] = 8;
  logits['c'] = 7;
  logits[fake::kEnd] = 6;
}

}  // namespace

TEST_CASE("presence and frequency penalties count the answer's tokens, not the prompt's") {
  CHECK(answer({.temperature = 0, .frequency_penalty = 0.5, .max_new_tokens = 6}, alphabet, "aaaa").text ==
        "aaabab");
  CHECK(answer({.temperature = 0, .presence_penalty = 1.5, .max_new_tokens = 4}, alphabet, "aaaa").text ==
        "abaa");
}

TEST_CASE("logit_bias adds to the logits and leaves the log-probabilities alone") {
  const fake::Answer plain = answer({.temperature = 0, .max_new_tokens = 1, .logprobs = true}, alphabet);
  const fake::Answer biased = answer({.temperature = 0,
                                      .logit_bias = {{'c', 5}, {'a', -100}},
                                      .max_new_tokens = 1,
                                      .logprobs = true,
                                      .top_logprobs = 1},
                                     alphabet);
  CHECK(biased.text == "c");
  CHECK(biased.logprobs[0].top[0].token_id == 'a');
  CHECK(biased.logprobs[0].top[0].logprob == plain.logprobs[0].chosen.logprob);
}

TEST_CASE("bad words are not completed, allowed tokens are all there is") {
  CHECK(answer({.temperature = 0, .bad_words = {bytes("aa"), bytes("aba")}, .max_new_tokens = 5}, alphabet)
            .text == "abbab");
  CHECK(answer({.temperature = 0, .allowed_ids = bytes("cx"), .max_new_tokens = 3}, alphabet).text == "ccc");
  // What ends the answer stays allowed.
  const fake::Answer ended = answer({.temperature = 0, .allowed_ids = bytes("x")}, alphabet);
  CHECK(ended.text.empty());
  CHECK(ended.finish_reason == FinishReason::stop);
}

TEST_CASE("nothing ends an answer before min_tokens") {
  const auto eager = [](const auto&, std::span<float> logits) { logits[fake::kEnd] = 9, logits['a'] = 5; };
  const fake::Answer text = answer({.temperature = 0, .min_tokens = 3}, eager);
  CHECK(text.text == "aaa");
  CHECK(text.finish_reason == FinishReason::stop);
  CHECK(answer({.temperature = 0, .max_new_tokens = 9, .min_tokens = 4, .stop = {"aa"}}, alphabet).text ==
        "aaa");
}

TEST_CASE("stop tokens and strings end the answer and say which they were") {
  const fake::Rule rule = fake::answering("?", "one two. three");
  const fake::Answer token = answer({.temperature = 0, .stop_ids = {'.'}}, rule);
  CHECK(token.text == "one two");
  CHECK(token.stop_id == '.');
  const fake::Answer string = answer({.temperature = 0, .stop = {"wo", "xx"}}, rule);
  CHECK(string.text == "one t");
  CHECK(string.stop_string == "wo");
  CHECK_FALSE(string.stop_id.has_value());
  const fake::Answer with = answer({.temperature = 0, .stop = {"wo"}, .include_stop = true}, rule);
  CHECK(with.text == "one two");
  CHECK(answer({.temperature = 0, .stop_ids = {'.'}, .include_stop = true}, rule).text == "one two.");
}

TEST_CASE("special tokens are shown when asked for") {
  const auto rule = [](const auto& sequence, std::span<float> logits) {
    const int32_t token = sequence.size() == 2 ? fake::kStart : sequence.size() == 3 ? 'x' : fake::kEnd;
    logits[static_cast<size_t>(token)] = 9;
  };
  CHECK(answer({.temperature = 0}, rule).text == "x");
  CHECK(answer({.temperature = 0, .skip_special = false}, rule).text == "<|im_start|>x");
}

TEST_CASE("a constrained answer is one the matcher accepts, and ends when nothing may follow") {
  const auto matcher = std::make_shared<OneOf>(std::vector<std::string>{"yes", "yesterday", "no"});
  for (uint64_t seed = 0; seed < 20; ++seed) {
    fake::Answer got = answer({.seed = seed, .matcher = matcher}, fake::scrambled());
    CHECK((got.text == "yes" || got.text == "yesterday" || got.text == "no"));
    CHECK(got.finish_reason == FinishReason::stop);
    if (got.text == "yes") CHECK(got.tokens.back() == fake::kEnd);
    if (got.text == "no") CHECK(got.tokens.size() == 2);
  }
  // Also where the model's end of sequence is ignored, or must not come yet.
  CHECK(answer({.ignore_eos = true, .matcher = matcher}, fake::scrambled()).finish_reason ==
        FinishReason::stop);
  const fake::Answer longest = answer({.seed = 3, .min_tokens = 4, .matcher = matcher}, fake::scrambled());
  CHECK((longest.text == "yesterday" || longest.text == "no"));
}

TEST_CASE("masks that leave no token fail the request with a reason") {
  const fake::Answer none = answer(
      {.temperature = 0, .bad_words = {bytes("x")}, .allowed_ids = bytes("x"), .ignore_eos = true}, alphabet);
  CHECK(none.finish_reason == FinishReason::failed);
  CHECK(none.error.find("leave no token") != std::string::npos);
}

TEST_CASE("each new parameter names its range") {
  const std::pair<SamplingParams, std::string> faults[] = {
      {{.presence_penalty = 2.5}, "presence_penalty: 2.5 is not from -2 to 2"},
      {{.frequency_penalty = -3}, "frequency_penalty: -3 is not from -2 to 2"},
      {{.logit_bias = {{3, 101}}}, "logit_bias: 101 of token 3 is not from -100 to 100"},
      {{.logit_bias = {{-3, 1}}}, "logit_bias: -3 is no token"},
      {{.bad_words = {{}}}, "bad_words"},
      {{.allowed_ids = std::vector<int32_t>{}}, "allowed_ids"},
      {{.min_tokens = -1}, "min_tokens: -1"},
      {{.max_new_tokens = 3, .min_tokens = 4}, "min_tokens: 4 is above max_new_tokens, 3"},
      {{.prompt_logprobs = 21}, "prompt_logprobs: 21 is not from 0 to 20"}};
  for (const auto& [params, message] : faults) CHECK_THROWS_WITH(validate(params), Catch::Contains(message));
  fake::Model model(alphabet);
  const Engine engine(model, tokenizer(), {});
  for (const SamplingParams& params :
       {SamplingParams{.logit_bias = {{260, 1}}}, SamplingParams{.bad_words = {{1, 260}}},
        SamplingParams{.allowed_ids = std::vector<int32_t>{260}}, SamplingParams{.stop_ids = {-1}}}) {
    CHECK_THROWS_AS(engine.check({.prompt = {1}, .params = params}), base::Error);
  }
}

TEST_CASE("passes over the vocabulary agree with the plain loops") {
  const base::Stream stream(5, base::Purpose::weight_init);
  for (const size_t count : {1, 7, 8, 9, 511, 512, 2000, 20001}) {
    std::vector<float> logits(count);
    for (size_t i = 0; i < count; ++i) logits[i] = std::round(static_cast<float>(40 * stream.normal(i))) / 8;
    const float top = *std::max_element(logits.begin(), logits.end());
    const Extreme extreme = largest(logits);
    CHECK(extreme.value == top);
    CHECK(logits[static_cast<size_t>(extreme.index)] == top);
    CHECK(std::find(logits.begin(), logits.end(), top) - logits.begin() == extreme.index);
    double exact = 0;
    double sum = 0;
    std::vector<float> weights(count);
    const double total = exponentials(logits, top, 0.7F, weights);
    for (size_t i = 0; i < count; ++i) {
      const double exponent = static_cast<double>(logits[i]) - static_cast<double>(top);
      exact += std::exp(exponent);
      sum += std::exp(exponent * static_cast<double>(0.7F));
      CHECK(weights[i] == Approx(std::exp(exponent * static_cast<double>(0.7F))).epsilon(2e-6).margin(1e-37));
    }
    CHECK(total == Approx(sum).epsilon(1e-6));
    CHECK(sum_of_exponentials(logits, top) == Approx(exact).epsilon(1e-12));
    std::vector<int32_t> order(count);
    for (size_t i = 0; i < count; ++i) order[i] = static_cast<int32_t>(i);
    std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
      return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
    });
    order.resize(std::min<size_t>(count, 30));
    CHECK(largest_places(logits, 30) == order);
  }
  CHECK(largest(std::vector<float>{1, std::numeric_limits<float>::quiet_NaN(), 0}).has_nan);
}
