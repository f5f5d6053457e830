// Passes over the logits of a whole vocabulary, eight at a time (AVX2). Results depend on the values and
// their order alone.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace swift::infer {

struct Extreme {
  float value = 0;
  int32_t index = 0;
  bool has_nan = false;
};

// The largest value and the first place that holds it. values must not be empty.
Extreme largest(std::span<const float> values);

// Places of the `count` largest values, best first; of equal ones the first places.
std::vector<int32_t> largest_places(std::span<const float> values, size_t count);

// weights[i] = exp((logits[i] - shift) * scale) for exponents up to 0, relative error below 1e-6; 0 below
// exp(-87). Returns their sum.
double exponentials(std::span<const float> logits, float shift, float scale, std::span<float> weights);

// Sum of exp(logits[i] - shift) in double, for exponents up to 0; relative error about 1e-15.
double sum_of_exponentials(std::span<const float> logits, float shift);

struct Tail {
  int64_t count = 0;
  double sum = 0;
};

// Number and sum of the values from `threshold` up.
Tail values_from(std::span<const float> values, float threshold);

constexpr size_t kSumBlock = 256;

// Sums of the weights of each kSumBlock tokens, of those whose logit is above `logit`, or equal to it at a
// place up to `place`.
void kept_sums(std::span<const float> logits, std::span<const float> weights, float logit, int32_t place,
               std::vector<double>& sums);

// Appends the places of the values in [low, high], in order.
void places_between(std::span<const float> values, float low, float high, std::vector<int32_t>& places);

}  // namespace swift::infer
