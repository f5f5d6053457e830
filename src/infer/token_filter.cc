#include "infer/token_filter.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "infer/vocab_scan.h"

namespace swift::infer {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr int32_t kEveryId = std::numeric_limits<int32_t>::max();
// Up to this many tokens are put in order one by one.
constexpr int64_t kFew = 1024;
constexpr int64_t kHeapLimit = 256;
constexpr int kMostHalvings = 40;

// Tokens, in the order of their ids. Without ids, the place is the id.
struct Tokens {
  std::span<const float> logits;
  std::span<const int32_t> ids;
  int32_t id(size_t place) const { return ids.empty() ? static_cast<int32_t>(place) : ids[place]; }
};

Extreme largest_finite(std::span<const float> logits) {
  const Extreme extreme = largest(logits);
  if (extreme.has_nan || !std::isfinite(extreme.value)) refuse_logits();
  return extreme;
}

float inverse(double temperature) {
  return static_cast<float>(std::min(1 / temperature, 1e30));
}

// Halves [low, high] until few values lie inside. At least `count` values are from low up, fewer above high.
float count_threshold(std::span<const float> logits, int64_t count, float top, SamplingScratch& scratch) {
  float low = top - 1;
  while (values_from(logits, low).count < count) {
    if (low == -kInfinity) return low;
    low = top - low > 1e30F ? -kInfinity : top - 4 * (top - low);
  }
  if (low == -kInfinity) return low;
  float high = top;
  for (int i = 0; i < kMostHalvings; ++i) {
    const float middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    const int64_t from = values_from(logits, middle).count;
    (from >= count ? low : high) = middle;
    if (from >= count && from - count < kFew) break;
  }
  auto& places = scratch.places;
  places.clear();
  places_between(logits, low, kInfinity, places);
  const auto by_logit = [&](int32_t a, int32_t b) {
    return logits[static_cast<size_t>(a)] > logits[static_cast<size_t>(b)];
  };
  std::nth_element(places.begin(), places.begin() + (count - 1), places.end(), by_logit);
  return logits[static_cast<size_t>(places[static_cast<size_t>(count - 1)])];
}

// The k-th largest logit, or -infinity when all stay.
float top_k_threshold(std::span<const float> logits, int64_t top_k, float top, SamplingScratch& scratch) {
  if (top_k <= 0 || static_cast<uint64_t>(top_k) >= logits.size()) return -kInfinity;
  if (top_k > kHeapLimit) return count_threshold(logits, top_k, top, scratch);
  return logits[static_cast<size_t>(largest_places(logits, static_cast<size_t>(top_k)).back())];
}

// The tokens that top_k keeps, gathered when that leaves some out.
Tokens keep_top_k(std::span<const float> logits, int64_t top_k, float top, SamplingScratch& scratch) {
  const float threshold = top_k_threshold(logits, top_k, top, scratch);
  if (threshold == -kInfinity) return {logits, {}};
  scratch.kept_ids.clear();
  places_between(logits, threshold, kInfinity, scratch.kept_ids);
  scratch.kept_logits.clear();
  for (const int32_t id : scratch.kept_ids) scratch.kept_logits.push_back(logits[static_cast<size_t>(id)]);
  return {scratch.kept_logits, scratch.kept_ids};
}

// A token stays when those before it hold less than top_p. Halves the range of weights the last kept token
// lies in, until few lie inside; those are put in order.
Cut top_p_cut(const Tokens& tokens, double total, double top_p, SamplingScratch& scratch) {
  const std::span<const float> weights(scratch.weights.data(), tokens.logits.size());
  const double wanted = top_p * total;
  // All tokens lighter than this together weigh less than what top_p leaves out.
  auto low = static_cast<float>((1 - top_p) * total / static_cast<double>(weights.size()) * 0.5);
  low = std::max(low, std::numeric_limits<float>::min());
  float high = 1;  // the largest weight is exp(0)
  double before = 0;
  int64_t from_low = values_from(weights, low).count;
  int64_t above = 0;  // those heavier than `high`, which weigh `before` and stay
  for (int i = 0; i < kMostHalvings && from_low - above > kFew; ++i) {
    const float middle = std::sqrt(low) * std::sqrt(high);
    if (middle <= low || middle >= high) break;
    const Tail from = values_from(weights, middle);
    if (from.sum >= wanted) {
      low = middle;
      from_low = from.count;
    } else {
      high = std::nextafter(middle, 0.0F);
      above = from.count;
      before = from.sum;
    }
  }
  auto& places = scratch.places;
  places.clear();
  places_between(weights, low, high, places);
  const auto first = [&](int32_t a, int32_t b) {
    const float x = tokens.logits[static_cast<size_t>(a)];
    const float y = tokens.logits[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  std::sort(places.begin(), places.end(), first);
  int32_t last = places.front();
  for (const int32_t place : places) {
    if (before >= wanted && place != places.front()) break;
    last = place;
    before += static_cast<double>(weights[static_cast<size_t>(place)]);
  }
  return {tokens.logits[static_cast<size_t>(last)], last};
}

// Fills scratch.weights for the tokens and returns where the filters cut them, by place.
Cut filter(const Tokens& tokens, float top, const SamplingParams& params, SamplingScratch& scratch) {
  scratch.weights.resize(std::max(scratch.weights.size(), tokens.logits.size()));
  const double total = exponentials(tokens.logits, top, inverse(params.temperature), scratch.weights);
  Cut cut{-kInfinity, kEveryId};
  if (!tokens.ids.empty()) cut.logit = *std::min_element(tokens.logits.begin(), tokens.logits.end());
  if (params.top_p < 1) cut = top_p_cut(tokens, total, params.top_p, scratch);
  if (params.min_p > 0) {
    const double bound = static_cast<double>(top) + params.temperature * std::log(params.min_p);
    if (bound > static_cast<double>(cut.logit)) cut = {static_cast<float>(bound), kEveryId};
  }
  return cut;
}

int32_t draw(const Tokens& tokens, const Cut& cut, double uniform, SamplingScratch& scratch) {
  const std::span<const float> weights(scratch.weights.data(), tokens.logits.size());
  kept_sums(tokens.logits, weights, cut.logit, cut.id, scratch.sums);
  double left = uniform * std::accumulate(scratch.sums.begin(), scratch.sums.end(), 0.0);
  size_t chosen = 0;
  bool found = false;
  for (size_t block = 0; block < scratch.sums.size() && !found; ++block) {
    if (scratch.sums[block] <= 0) continue;
    chosen = block;
    found = left < scratch.sums[block];
    if (!found) left -= scratch.sums[block];
  }
  // Rounding can leave a trace: the last token of any weight takes it.
  if (!found) left = std::numeric_limits<double>::infinity();
  size_t token = chosen * kSumBlock;
  const size_t end = std::min(token + kSumBlock, tokens.logits.size());
  for (size_t place = token; place < end && left >= 0; ++place) {
    if (weights[place] <= 0 || !cut.keeps(tokens.logits[place], static_cast<int32_t>(place))) continue;
    token = place;
    left -= static_cast<double>(weights[place]);
  }
  return tokens.id(token);
}

}  // namespace

void refuse_logits() {
  throw base::Error(base::ExitCode::failure, "the model's logits are not finite", {},
                    "the weights are damaged, or their dtype is too narrow: try --torch_dtype float32");
}

int32_t arg_max(std::span<const float> logits) {
  return largest_finite(logits).index;
}

Cut find_cut(std::span<const float> logits, const SamplingParams& params, SamplingScratch& scratch) {
  const float top = largest_finite(logits).value;
  const Tokens tokens = keep_top_k(logits, params.top_k, top, scratch);
  const Cut cut = filter(tokens, top, params, scratch);
  return {cut.logit, cut.id == kEveryId ? kEveryId : tokens.id(static_cast<size_t>(cut.id))};
}

int32_t draw_token(std::span<const float> logits, const SamplingParams& params, double uniform,
                   SamplingScratch& scratch) {
  const float top = largest_finite(logits).value;
  const Tokens tokens = keep_top_k(logits, params.top_k, top, scratch);
  return draw(tokens, filter(tokens, top, params, scratch), uniform, scratch);
}

}  // namespace swift::infer
