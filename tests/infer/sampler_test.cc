#include "infer/sampler.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "base/json.h"
#include "infer/logprobs.h"

using namespace swift;
using namespace swift::infer;

namespace {

const base::Json& golden() {
  static const base::Json values = base::read_json(SWIFT_SOURCE_DIR "/tests/golden/sampling.json");
  return values;
}

std::vector<float> random_logits(size_t count, uint64_t seed) {
  const base::Stream stream(seed, base::Purpose::weight_init);
  std::vector<float> logits(count);
  for (size_t i = 0; i < count; ++i) logits[i] = static_cast<float>(2 * stream.normal(i));
  return logits;
}

// The definition, by a full sort.
std::vector<int32_t> kept_by_sorting(const std::vector<float>& logits, const SamplingParams& params) {
  std::vector<int32_t> order(logits.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int32_t>(i);
  const auto logit = [&](int32_t id) { return logits[static_cast<size_t>(id)]; };
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return logit(a) > logit(b); });
  if (params.top_k > 0 && params.top_k < static_cast<int64_t>(order.size())) {
    const float last = logit(order[static_cast<size_t>(params.top_k) - 1]);
    std::erase_if(order, [&](int32_t id) { return logit(id) < last; });
  }
  const auto weight = [&](int32_t id) {
    return std::exp((static_cast<double>(logit(id)) - logit(order[0])) / params.temperature);
  };
  double total = 0;
  for (const int32_t id : order) total += weight(id);
  std::vector<int32_t> kept;
  double before = 0;
  for (const int32_t id : order) {
    if (params.top_p < 1 && before / total >= params.top_p && !kept.empty()) break;
    before += weight(id);
    if (weight(id) >= params.min_p) kept.push_back(id);
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

// Ids that the filters keep, and their weights.
std::map<int32_t, double> kept_weights(const std::vector<float>& logits, const SamplingParams& params) {
  SamplingScratch scratch;
  const Cut cut = find_cut(logits, params, scratch);
  const double largest = *std::max_element(logits.begin(), logits.end());
  std::map<int32_t, double> kept;
  for (size_t i = 0; i < logits.size(); ++i) {
    const auto id = static_cast<int32_t>(i);
    if (cut.keeps(logits[i], id)) kept[id] = std::exp((logits[i] - largest) / params.temperature);
  }
  return kept;
}

std::vector<int32_t> kept_ids(const std::vector<float>& logits, const SamplingParams& params) {
  std::vector<int32_t> ids;
  for (const auto& [id, weight] : kept_weights(logits, params)) ids.push_back(id);
  return ids;
}

double total_of(const std::map<int32_t, double>& weights) {
  double total = 0;
  for (const auto& [id, weight] : weights) total += weight;
  return total;
}

}  // namespace

TEST_CASE("top_k, top_p and min_p keep what transformers keeps, with its probabilities") {
  for (const base::Json& item : golden()["filters"]) {
    const SamplingParams params{.temperature = item["temperature"],
                                .top_k = item["top_k"],
                                .top_p = item["top_p"],
                                .min_p = item["min_p"]};
    INFO("temperature " << params.temperature << " top_k " << params.top_k << " top_p " << params.top_p
                        << " min_p " << params.min_p);
    const auto logits = item["logits"].get<std::vector<float>>();
    const auto kept = kept_weights(logits, params);
    REQUIRE(kept_ids(logits, params) == item["ids"].get<std::vector<int32_t>>());
    size_t at = 0;
    for (const auto& [id, weight] : kept) {
      // transformers divides by the temperature in float32.
      CHECK(weight / total_of(kept) == Approx(item["probabilities"][at++].get<double>()).margin(1e-6));
    }
  }
}

TEST_CASE("the partial selection equals a full sort on a large vocabulary") {
  const auto logits = random_logits(20000, 3);
  const SamplingParams cases[] = {{.top_p = 0.9},
                                  {.temperature = 0.3, .top_p = 0.5},
                                  {.temperature = 5, .top_p = 0.99},
                                  {.top_k = 300},
                                  {.temperature = 2, .top_k = 1000, .top_p = 0.7, .min_p = 0.02},
                                  {.top_k = 20000},
                                  {.top_k = 1000000, .top_p = 1e-9},
                                  {.min_p = 1}};
  for (const SamplingParams& params : cases) {
    CHECK(kept_ids(logits, params) == kept_by_sorting(logits, params));
  }
}

TEST_CASE("equal logits at the edge of top_k all stay") {
  const std::vector<float> logits = {1, 3, 2, 2, 2, 0};
  CHECK(kept_ids(logits, {.top_k = 2}) == std::vector<int32_t>{1, 2, 3, 4});
}

TEST_CASE("the repetition penalty gives transformers' values") {
  for (const base::Json& item : golden()["penalties"]) {
    auto logits = item["logits"].get<std::vector<float>>();
    const auto seen = item["seen"].get<std::vector<int32_t>>();
    penalise(logits, {seen.begin(), seen.end()}, item["penalty"]);
    const auto expected = item["scores"].get<std::vector<float>>();
    for (size_t i = 0; i < logits.size(); ++i) CHECK(logits[i] == Approx(expected[i]).epsilon(1e-6));
  }
}

TEST_CASE("the penalty counts the prompt and what was generated") {
  SamplingScratch scratch;
  const std::vector<int32_t> prompt = {2};
  Sampler sampler({.temperature = 0, .repetition_penalty = 4}, prompt, 0);
  const std::vector<float> logits = {1, 3, 4, 2};
  CHECK(sampler.next(logits, scratch) == 1);
  CHECK(sampler.next(logits, scratch) == 3);
}

TEST_CASE("temperature 0 takes the most likely token, the first of equals") {
  SamplingScratch scratch;
  Sampler sampler({.temperature = 0}, {}, 0);
  CHECK(sampler.next(std::vector<float>{-5, 2, 2, 1}, scratch) == 1);
  CHECK(sampler.next(std::vector<float>{-5, -std::numeric_limits<float>::infinity(), -6}, scratch) == 0);
}

TEST_CASE("draws follow the filtered distribution") {
  SamplingScratch scratch;
  const std::vector<float> logits = random_logits(12, 5);
  for (const SamplingParams& params :
       {SamplingParams{}, SamplingParams{.temperature = 0.7, .top_k = 8, .top_p = 0.95}}) {
    const auto candidates = kept_weights(logits, params);
    const double total = total_of(candidates);
    constexpr int kDraws = 50000;
    std::map<int32_t, int> counts;
    Sampler sampler(params, {}, 1);
    for (int i = 0; i < kDraws; ++i) ++counts[sampler.next(logits, scratch)];
    REQUIRE(counts.size() <= candidates.size());
    double chi_square = 0;
    for (const auto& [id, weight] : candidates) {
      const double expected = kDraws * weight / total;
      chi_square += std::pow(counts[id] - expected, 2) / expected;
    }
    // At most 11 degrees of freedom: 31.3 is exceeded by chance once in 1000 seeds, and the seed is fixed.
    CHECK(chi_square < 31.3);
  }
}

TEST_CASE("draws depend on seed, stream and position only") {
  SamplingScratch scratch;
  const auto logits = random_logits(500, 9);
  const auto draw = [&](uint64_t seed, uint64_t stream) {
    Sampler sampler({.seed = seed}, {}, stream);
    std::vector<int32_t> tokens;
    for (int i = 0; i < 20; ++i) tokens.push_back(sampler.next(logits, scratch));
    return tokens;
  };
  CHECK(draw(1, 0) == draw(1, 0));
  CHECK(draw(1, 0) != draw(2, 0));
  CHECK(draw(1, 0) != draw(1, 1));
}

TEST_CASE("logits that are no numbers are an error, whatever the method") {
  SamplingScratch scratch;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  for (const double temperature : {0.0, 1.0}) {
    for (const std::vector<float>& logits :
         {std::vector<float>{1, nan, 2}, std::vector<float>{3, 2, nan}, std::vector<float>{1, infinity},
          std::vector<float>{-infinity, -infinity}}) {
      Sampler sampler({.temperature = temperature}, {}, 0);
      CHECK_THROWS_AS(sampler.next(logits, scratch), base::Error);
    }
  }
}

TEST_CASE("log-probabilities come from the distribution before penalty and temperature") {
  const std::vector<float> logits = {1, 4, 2, 4, -3};
  const PositionLogprobs position = position_logprobs(logits, 2, 3);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit));
  CHECK(position.chosen.token_id == 2);
  CHECK(position.chosen.logprob == Approx(2 - std::log(sum)).epsilon(1e-12));
  REQUIRE(position.top.size() == 3);
  CHECK(position.top[0].token_id == 1);
  CHECK(position.top[1].token_id == 3);
  CHECK(position.top[2].token_id == 2);
  CHECK(position.top[0].logprob == Approx(4 - std::log(sum)).epsilon(1e-12));
  CHECK(position_logprobs(logits, 0, 20).top.size() == 5);
  CHECK(to_json(std::vector{position}).dump().starts_with(R"([{"token_id":2,"logprob":)"));
}

TEST_CASE("parameters out of range are named, all at once") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::pair<SamplingParams, std::string> faults[] = {
      {{.temperature = -0.1}, "temperature"},
      {{.temperature = nan}, "temperature"},
      {{.top_k = -2}, "top_k"},
      {{.top_p = 0}, "top_p"},
      {{.top_p = 1.5}, "top_p"},
      {{.min_p = -1}, "min_p"},
      {{.repetition_penalty = 0}, "repetition_penalty"},
      {{.max_new_tokens = 0}, "max_new_tokens"},
      {{.stop = {""}}, "stop_words"},
      {{.logprobs = true, .top_logprobs = 21}, "top_logprobs"},
      {{.top_logprobs = 2}, "logprobs"}};
  for (const auto& [params, key] : faults) CHECK_THROWS_WITH(validate(params), Catch::Contains(key));
  CHECK_THROWS_WITH(validate({.temperature = -1, .top_p = 2}),
                    Catch::Contains("temperature: -1 is not") && Catch::Contains("top_p: 2 is not"));
  CHECK_NOTHROW(validate({.temperature = 0, .top_k = -1}));
}
