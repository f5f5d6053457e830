// The 8-bit code of optimizer states and of the scales of 4-bit weights (Dettmers et al., arXiv 2110.02861):
// 256 values whose spacing grows with their size, from 1e-7 to 1, times the largest magnitude of a block of
// 256 values. The values are those of bitsandbytes' create_dynamic_map.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace swift::ops {

class DynamicMap {
 public:
  explicit DynamicMap(bool has_sign);
  float value(uint8_t code) const { return values_[code]; }
  // The nearest code of x in [-1, 1]; the lower one halfway between two. Without a sign, what is above 0
  // never gets the code of 0: a second moment of 0 beside a first moment that is not would divide by epsilon
  // alone.
  uint8_t nearest(float x) const;

 private:
  std::array<float, 256> values_;
  std::array<float, 256> bounds_;  // halfway to the next value; infinity last
  // By the upper 16 bits of x: the least code that any such x has. Values lie so far apart that such x have
  // at most one code more.
  std::vector<uint8_t> first_;
};

constexpr int64_t kStateBlock = 256;  // values that share a magnitude

// Codes of a block of at most 256 values; returns the block's magnitude.
float encode_block(const DynamicMap& map, const float* values, int64_t count, uint8_t* codes);
void decode_block(const DynamicMap& map, const uint8_t* codes, int64_t count, float magnitude, float* values);

}  // namespace swift::ops
