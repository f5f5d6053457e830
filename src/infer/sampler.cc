#include "infer/sampler.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "base/error.h"

namespace swift::infer {
namespace {

[[noreturn]] void fail_not_finite() {
  throw base::Error(base::ExitCode::failure, "the model's logits are not finite", {},
                    "the weights are damaged, or their dtype is too narrow: try --torch_dtype float32");
}

bool more_likely(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.token_id < b.token_id;
}

// The k-th largest logit: what is below it goes. Ties with it stay, as in transformers. A heap of the k
// largest is one pass over the vocabulary that rarely does anything; a selection copies it.
float top_k_threshold(std::span<const float> logits, int64_t top_k, std::vector<float>& selection) {
  constexpr int64_t kHeapLimit = 256;
  if (top_k <= 0 || static_cast<uint64_t>(top_k) >= logits.size())
    return -std::numeric_limits<float>::infinity();
  const auto count = static_cast<size_t>(top_k);
  if (top_k > kHeapLimit) {
    selection.assign(logits.begin(), logits.end());
    const auto kth = selection.begin() + (top_k - 1);
    std::nth_element(selection.begin(), kth, selection.end(), std::greater<>());
    return *kth;
  }
  selection.assign(logits.begin(), logits.begin() + top_k);
  std::make_heap(selection.begin(), selection.end(), std::greater<>());
  for (const float logit : logits.subspan(count)) {
    if (logit <= selection.front()) continue;
    std::pop_heap(selection.begin(), selection.end(), std::greater<>());
    selection.back() = logit;
    std::push_heap(selection.begin(), selection.end(), std::greater<>());
  }
  return selection.front();
}

double total_weight(std::span<const Candidate> candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.weight;
  return sum;
}

// Keeps a token when the tokens more likely than it hold less than top_p. Halves the range in which the last
// kept token lies, so the vocabulary is never sorted; most answers need little of it, hence the short first
// part.
void keep_top_p(std::vector<Candidate>& candidates, double top_p) {
  const double wanted = top_p * total_weight(candidates);
  double before = 0;  // weight of what is known to stay: [0, begin)
  size_t begin = 0;
  size_t end = candidates.size();  // the last kept token is in [begin, end)
  for (size_t part = 64; end - begin > 1; part = (end - begin) / 2) {
    const size_t middle = begin + std::min(part, (end - begin) / 2);
    const auto at = [&](size_t index) { return candidates.begin() + static_cast<std::ptrdiff_t>(index); };
    std::nth_element(at(begin), at(middle), at(end), more_likely);
    const double weight = total_weight(std::span(candidates).subspan(begin, middle - begin));
    if (before + weight >= wanted) {
      end = middle;
    } else {
      before += weight;
      begin = middle;
    }
  }
  candidates.resize(end);
}

int32_t draw(std::span<const Candidate> candidates, double uniform) {
  double left = uniform * total_weight(candidates);
  for (const Candidate& candidate : candidates) {
    left -= candidate.weight;
    if (left < 0) return candidate.token_id;
  }
  // Rounding can leave a trace: the last token of any weight takes it.
  const auto last =
      std::find_if(candidates.rbegin(), candidates.rend(), [](const auto& c) { return c.weight > 0; });
  return last->token_id;
}

}  // namespace

int32_t arg_max(std::span<const float> logits) {
  float best = -std::numeric_limits<float>::infinity();
  size_t index = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    if (logits[i] <= best) continue;  // false for NaN, which the next line then finds
    if (std::isnan(logits[i])) fail_not_finite();
    best = logits[i];
    index = i;
  }
  if (!std::isfinite(best)) fail_not_finite();
  return static_cast<int32_t>(index);
}

void penalise(std::span<float> logits, const std::unordered_set<int32_t>& seen, double penalty) {
  const auto factor = static_cast<float>(penalty);
  for (const int32_t id : seen) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit < 0 ? logit * factor : logit / factor;
  }
}

std::span<const Candidate> filter(std::span<const float> logits, const SamplingParams& params,
                                  SamplingScratch& scratch) {
  const float largest = logits[static_cast<size_t>(arg_max(logits))];
  const float threshold = top_k_threshold(logits, params.top_k, scratch.selection);
  auto& candidates = scratch.candidates;
  candidates.clear();
  for (size_t id = 0; id < logits.size(); ++id) {
    if (logits[id] < threshold) continue;
    const double exponent = (static_cast<double>(logits[id]) - largest) / params.temperature;
    candidates.push_back({static_cast<int32_t>(id), logits[id], std::exp(exponent)});
  }
  if (params.top_p < 1) keep_top_p(candidates, params.top_p);
  // The largest weight is exp(0) = 1.
  if (params.min_p > 0) {
    std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.weight < params.min_p; });
  }
  return candidates;
}

Sampler::Sampler(SamplingParams params, std::span<const int32_t> prompt, uint64_t stream)
    : params_(std::move(params)), stream_(params_.seed, base::Purpose::sampling, stream) {
  validate(params_);
  if (params_.repetition_penalty != 1) seen_.insert(prompt.begin(), prompt.end());
}

int32_t Sampler::next(std::span<const float> logits, SamplingScratch& scratch) {
  std::span<const float> scores = logits;
  if (params_.repetition_penalty != 1) {
    scratch.logits.assign(logits.begin(), logits.end());
    penalise(scratch.logits, seen_, params_.repetition_penalty);
    scores = scratch.logits;
  }
  const uint64_t index = drawn_++;
  const int32_t token = params_.temperature == 0
                            ? arg_max(scores)
                            : draw(filter(scores, params_, scratch), stream_.uniform(index));
  if (params_.repetition_penalty != 1) seen_.insert(token);
  return token;
}

}  // namespace swift::infer
