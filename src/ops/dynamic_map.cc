#include "ops/dynamic_map.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "ops/torch.h"

namespace swift::ops {
namespace {

constexpr int kDecades = 7;

// Decade i of 7 has 2^i intervals (twice as many without a sign), equal parts of [0.1, 1] * 10^(i - 6);
// its values are their middles.
std::vector<float> all_values(bool has_sign) {
  std::vector<float> values = {0.0F, 1.0F};
  for (int i = 0; i < kDecades; ++i) {
    const int64_t intervals = int64_t{1} << (has_sign ? i : i + 1);
    const at::Tensor edges = at::linspace(0.1, 1.0, intervals + 1, at::kFloat);
    const at::Tensor middles =
        (edges.slice(0, 0, intervals) + edges.slice(0, 1)).div_(2.0).mul_(std::pow(10.0, i - kDecades + 1));
    for (int64_t k = 0; k < intervals; ++k) {
      const float value = middles.const_data_ptr<float>()[k];
      values.push_back(value);
      if (has_sign) values.push_back(-value);
    }
  }
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

DynamicMap::DynamicMap(bool has_sign) : first_(65536, 0) {
  const auto values = all_values(has_sign);
  std::copy_n(values.begin(), values_.size(), values_.begin());
  for (size_t i = 0; i + 1 < values_.size(); ++i) bounds_[i] = (values_[i] + values_[i + 1]) / 2;
  bounds_.back() = std::numeric_limits<float>::infinity();
  if (!has_sign) bounds_[0] = 0;
  for (uint32_t upper = 0; upper < first_.size(); ++upper) {
    // Of the floats with these upper bits, a negative one is least with all lower bits set.
    const bool negative = (upper & 0x8000U) != 0;
    const float least = std::bit_cast<float>(upper << 16 | (negative ? 0xFFFFU : 0U));
    const auto bound = std::lower_bound(bounds_.begin(), bounds_.end() - 1, least);
    first_[upper] = static_cast<uint8_t>(bound - bounds_.begin());
  }
}

uint8_t DynamicMap::nearest(float x) const {
  const uint8_t first = first_[std::bit_cast<uint32_t>(x) >> 16];
  return static_cast<uint8_t>(first + (x > bounds_[first] ? 1 : 0));
}

float encode_block(const DynamicMap& map, const float* values, int64_t count, uint8_t* codes) {
  std::array<float, 8> largest{};  // apart, so that the loop becomes vector code
  int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (size_t k = 0; k < 8; ++k) {
      const float size = std::abs(values[i + static_cast<int64_t>(k)]);
      largest[k] = size > largest[k] ? size : largest[k];
    }
  }
  for (; i < count; ++i) largest[0] = std::max(largest[0], std::abs(values[i]));
  const float magnitude = *std::max_element(largest.begin(), largest.end());
  const float inverse = magnitude > 0 ? 1 / magnitude : 0;
  for (i = 0; i < count; ++i) codes[i] = map.nearest(std::clamp(values[i] * inverse, -1.0F, 1.0F));
  return magnitude;
}

void decode_block(const DynamicMap& map, const uint8_t* codes, int64_t count, float magnitude,
                  float* values) {
  for (int64_t i = 0; i < count; ++i) values[i] = map.value(codes[i]) * magnitude;
}

}  // namespace swift::ops
