#include "infer/logprobs.h"

#include <algorithm>
#include <cmath>

namespace swift::infer {

double log_sum_exp(std::span<const float> logits) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return largest + std::log(sum);
}

PositionLogprobs position_logprobs(std::span<const float> logits, int32_t chosen, int64_t top_logprobs) {
  const double normaliser = log_sum_exp(logits);
  const auto entry = [&](int32_t id) {
    return TokenLogprob{id, static_cast<double>(logits[static_cast<size_t>(id)]) - normaliser};
  };
  PositionLogprobs result{entry(chosen), {}};
  const size_t count = std::min(static_cast<size_t>(top_logprobs), logits.size());
  if (count == 0) return result;
  // A heap of the best `count` ids with the worst on top: one pass, no sort of the vocabulary.
  const auto better = [&](int32_t a, int32_t b) {
    const float x = logits[static_cast<size_t>(a)];
    const float y = logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::vector<int32_t> heap;
  heap.reserve(count + 1);
  for (int32_t id = 0; id < static_cast<int32_t>(logits.size()); ++id) {
    if (heap.size() == count && !better(id, heap.front())) continue;
    heap.push_back(id);
    std::push_heap(heap.begin(), heap.end(), better);
    if (heap.size() <= count) continue;
    std::pop_heap(heap.begin(), heap.end(), better);
    heap.pop_back();
  }
  std::sort_heap(heap.begin(), heap.end(), better);
  for (const int32_t id : heap) result.top.push_back(entry(id));
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
