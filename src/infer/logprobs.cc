#include "infer/logprobs.h"

#include <cmath>

#include "infer/vocab_scan.h"

namespace swift::infer {

double log_sum_exp(std::span<const float> logits) {
  const float top = largest(logits).value;
  return static_cast<double>(top) + std::log(sum_of_exponentials(logits, top));
}

PositionLogprobs position_logprobs(std::span<const float> logits, int32_t chosen, int64_t top_logprobs) {
  const double normaliser = log_sum_exp(logits);
  const auto entry = [&](int32_t id) {
    return TokenLogprob{id, static_cast<double>(logits[static_cast<size_t>(id)]) - normaliser};
  };
  PositionLogprobs result{entry(chosen), {}};
  for (const int32_t id : largest_places(logits, static_cast<size_t>(top_logprobs))) {
    result.top.push_back(entry(id));
  }
  return result;
}

base::Json to_json(std::span<const PositionLogprobs> positions) {
  const auto pair = [](const TokenLogprob& token) {
    return base::Json{{"token_id", token.token_id}, {"logprob", token.logprob}};
  };
  base::Json array = base::Json::array();
  for (const PositionLogprobs& position : positions) {
    base::Json item = pair(position.chosen);
    base::Json top = base::Json::array();
    for (const TokenLogprob& token : position.top) top.push_back(pair(token));
    item["top"] = std::move(top);
    array.push_back(std::move(item));
  }
  return array;
}

}  // namespace swift::infer
