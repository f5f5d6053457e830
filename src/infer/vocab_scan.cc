#include "infer/vocab_scan.h"

#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace swift::infer {
namespace {

constexpr size_t kLanes = 8;
constexpr size_t kChains = 4;
// Values summed in fp32 before they join the sum in double.
constexpr size_t kBlock = 512;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

double sum_of_lanes(__m256 value) {
  alignas(32) float lanes[kLanes];
  _mm256_store_ps(lanes, value);
  double sum = 0;
  for (const float lane : lanes) sum += static_cast<double>(lane);
  return sum;
}

// exp(x) for x <= 0: 2^n * p(r) with x = n ln 2 + r, |r| <= ln 2 / 2, p the Taylor polynomial of degree 6.
__m256 exp_lanes(__m256 x) {
  const __m256 in_range = _mm256_cmp_ps(x, _mm256_set1_ps(-87.0F), _CMP_GE_OQ);
  const __m256 n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504F)),
                                   _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375F), x);
  r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4F), r);
  __m256 p = _mm256_set1_ps(1.0F / 720);
  for (const float c : {1.0F / 120, 1.0F / 24, 1.0F / 6, 0.5F, 1.0F, 1.0F}) {
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(c));
  }
  const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
  const __m256 result = _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
  return _mm256_and_ps(result, in_range);
}

// The same in double, degree 13, for x >= -708.
__m256d exp_lanes(__m256d x) {
  const __m256d in_range = _mm256_cmp_pd(x, _mm256_set1_pd(-708.0), _CMP_GE_OQ);
  const __m256d clamped = _mm256_max_pd(x, _mm256_set1_pd(-708.0));
  const __m256d n = _mm256_round_pd(_mm256_mul_pd(clamped, _mm256_set1_pd(1.4426950408889634)),
                                    _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  __m256d r = _mm256_fnmadd_pd(n, _mm256_set1_pd(0.693147180369123816490), clamped);
  r = _mm256_fnmadd_pd(n, _mm256_set1_pd(1.90821492927058770002e-10), r);
  __m256d p = _mm256_set1_pd(1.0 / 6227020800.0);
  for (const double c : {1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320,
                         1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1.0, 1.0}) {
    p = _mm256_fmadd_pd(p, r, _mm256_set1_pd(c));
  }
  const __m256i exponent = _mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm256_cvtpd_epi32(n)), 52);
  const __m256d result = _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(p), exponent));
  return _mm256_and_pd(result, in_range);
}

// Eight values from `at`; places past the end hold `filler`.
__m256 load_end(std::span<const float> values, size_t at, float filler) {
  alignas(32) float lanes[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lanes[i] = at + i < values.size() ? values[at + i] : filler;
  return _mm256_load_ps(lanes);
}

inline __m256 load(std::span<const float> values, size_t at, float filler) {
  return at + kLanes <= values.size() ? _mm256_loadu_ps(values.data() + at) : load_end(values, at, filler);
}

}  // namespace

Extreme largest(std::span<const float> values) {
  // Several accumulators: operations on one wait for each other.
  __m256 best[kChains];
  std::fill(best, best + kChains, _mm256_set1_ps(-kInfinity));
  __m256 unordered = _mm256_setzero_ps();
  for (size_t at = 0; at < values.size(); at += kLanes * kChains) {
    for (size_t chain = 0; chain < kChains; ++chain) {
      const __m256 value = load(values, at + kLanes * chain, -kInfinity);
      best[chain] = _mm256_max_ps(value, best[chain]);  // takes `best` when value is no number
      unordered = _mm256_or_ps(unordered, _mm256_cmp_ps(value, value, _CMP_UNORD_Q));
    }
  }
  alignas(32) float lanes[kLanes];
  _mm256_store_ps(lanes, _mm256_max_ps(_mm256_max_ps(best[0], best[1]), _mm256_max_ps(best[2], best[3])));
  Extreme result{*std::max_element(lanes, lanes + kLanes), 0, _mm256_movemask_ps(unordered) != 0};
  const auto place = std::find(values.begin(), values.end(), result.value);
  result.index = place == values.end() ? 0 : static_cast<int32_t>(place - values.begin());
  return result;
}

std::vector<int32_t> largest_places(std::span<const float> values, size_t count) {
  count = std::min(count, values.size());
  const auto better = [&](int32_t a, int32_t b) {
    const float x = values[static_cast<size_t>(a)];
    const float y = values[static_cast<size_t>(b)];
    return x != y ? x > y : a < b;
  };
  // A heap of the best so far, the worst of them on top. Later equals never replace it.
  std::vector<int32_t> heap;
  heap.reserve(count);
  for (size_t i = 0; i < count; ++i) heap.push_back(static_cast<int32_t>(i));
  std::make_heap(heap.begin(), heap.end(), better);
  const auto offer = [&](size_t place) {
    if (!(values[place] > values[static_cast<size_t>(heap.front())])) return;
    std::pop_heap(heap.begin(), heap.end(), better);
    heap.back() = static_cast<int32_t>(place);
    std::push_heap(heap.begin(), heap.end(), better);
  };
  size_t at = count;
  for (; count > 0 && at + kLanes <= values.size(); at += kLanes) {
    const __m256 worst = _mm256_set1_ps(values[static_cast<size_t>(heap.front())]);
    const __m256 above = _mm256_cmp_ps(_mm256_loadu_ps(values.data() + at), worst, _CMP_GT_OQ);
    auto mask = static_cast<uint32_t>(_mm256_movemask_ps(above));
    for (; mask != 0; mask &= mask - 1) offer(at + static_cast<size_t>(std::countr_zero(mask)));
  }
  for (; count > 0 && at < values.size(); ++at) offer(at);
  std::sort_heap(heap.begin(), heap.end(), better);
  return heap;
}

double exponentials(std::span<const float> logits, float shift, float scale, std::span<float> weights) {
  const __m256 shifts = _mm256_set1_ps(shift);
  const __m256 scales = _mm256_set1_ps(scale);
  double sum = 0;
  for (size_t begin = 0; begin < logits.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, logits.size());
    __m256 partial = _mm256_setzero_ps();
    for (size_t at = begin; at < end; at += kLanes) {
      const __m256 value = load(logits, at, -kInfinity);
      const __m256 weight = exp_lanes(_mm256_mul_ps(_mm256_sub_ps(value, shifts), scales));
      partial = _mm256_add_ps(partial, weight);
      if (at + kLanes <= logits.size()) {
        _mm256_storeu_ps(weights.data() + at, weight);
      } else {
        alignas(32) float lanes[kLanes];
        _mm256_store_ps(lanes, weight);
        std::copy(lanes, lanes + (logits.size() - at), weights.begin() + static_cast<std::ptrdiff_t>(at));
      }
    }
    sum += sum_of_lanes(partial);
  }
  return sum;
}

double sum_of_exponentials(std::span<const float> logits, float shift) {
  const __m256d shifts = _mm256_set1_pd(static_cast<double>(shift));
  __m256d low = _mm256_setzero_pd();
  __m256d high = _mm256_setzero_pd();
  for (size_t at = 0; at < logits.size(); at += kLanes) {
    const __m256 value = load(logits, at, -kInfinity);
    const __m256d first = _mm256_cvtps_pd(_mm256_castps256_ps128(value));
    const __m256d second = _mm256_cvtps_pd(_mm256_extractf128_ps(value, 1));
    low = _mm256_add_pd(low, exp_lanes(_mm256_sub_pd(first, shifts)));
    high = _mm256_add_pd(high, exp_lanes(_mm256_sub_pd(second, shifts)));
  }
  alignas(32) double lanes[4];
  _mm256_store_pd(lanes, _mm256_add_pd(low, high));
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

Tail values_from(std::span<const float> values, float threshold) {
  const __m256 thresholds = _mm256_set1_ps(threshold);
  Tail tail;
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t end = std::min(begin + kBlock, values.size());
    __m256 partial[kChains];
    std::fill(partial, partial + kChains, _mm256_setzero_ps());
    __m256i counts = _mm256_setzero_si256();
    for (size_t at = begin; at < end; at += kLanes * kChains) {
      for (size_t chain = 0; chain < kChains; ++chain) {
        // Past the end: a value that is below every threshold.
        const __m256 value = load(values, at + kLanes * chain, std::numeric_limits<float>::quiet_NaN());
        const __m256 from = _mm256_cmp_ps(value, thresholds, _CMP_GE_OQ);
        partial[chain] = _mm256_add_ps(partial[chain], _mm256_and_ps(value, from));
        counts = _mm256_sub_epi32(counts, _mm256_castps_si256(from));
      }
    }
    tail.sum += sum_of_lanes(
        _mm256_add_ps(_mm256_add_ps(partial[0], partial[1]), _mm256_add_ps(partial[2], partial[3])));
    alignas(32) int32_t lanes[kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), counts);
    for (const int32_t lane : lanes) tail.count += lane;
  }
  return tail;
}

void kept_sums(std::span<const float> logits, std::span<const float> weights, float logit, int32_t place,
               std::vector<double>& sums) {
  const __m256 cut = _mm256_set1_ps(logit);
  const __m256i last = _mm256_set1_epi32(place);
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  sums.clear();
  for (size_t begin = 0; begin < logits.size(); begin += kSumBlock) {
    const size_t end = std::min(begin + kSumBlock, logits.size());
    __m256 partial = _mm256_setzero_ps();
    for (size_t at = begin; at < end; at += kLanes) {
      const __m256 value = load(logits, at, -kInfinity);
      const __m256i places = _mm256_add_epi32(_mm256_set1_epi32(static_cast<int32_t>(at)), lanes);
      const __m256 beyond = _mm256_castsi256_ps(_mm256_cmpgt_epi32(places, last));
      const __m256 level = _mm256_andnot_ps(beyond, _mm256_cmp_ps(value, cut, _CMP_EQ_OQ));
      const __m256 kept = _mm256_or_ps(_mm256_cmp_ps(value, cut, _CMP_GT_OQ), level);
      partial = _mm256_add_ps(partial, _mm256_and_ps(load(weights, at, 0), kept));
    }
    sums.push_back(sum_of_lanes(partial));
  }
}

void places_between(std::span<const float> values, float low, float high, std::vector<int32_t>& places) {
  const __m256 lows = _mm256_set1_ps(low);
  const __m256 highs = _mm256_set1_ps(high);
  for (size_t at = 0; at < values.size(); at += kLanes) {
    const __m256 value = load(values, at, std::numeric_limits<float>::quiet_NaN());
    const __m256 inside =
        _mm256_and_ps(_mm256_cmp_ps(value, lows, _CMP_GE_OQ), _mm256_cmp_ps(value, highs, _CMP_LE_OQ));
    auto mask = static_cast<uint32_t>(_mm256_movemask_ps(inside));
    for (; mask != 0; mask &= mask - 1) {
      places.push_back(static_cast<int32_t>(at + static_cast<size_t>(std::countr_zero(mask))));
    }
  }
}

}  // namespace swift::infer
