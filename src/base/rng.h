// Counter-based random numbers: a value depends only on (seed, purpose, index), never on what was drawn
// before, so resuming needs no generator state. Philox 4x32-10 (Salmon et al., SC 2011).
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace swift::base {

// Each use of randomness draws from a stream of its own.
enum class Purpose : uint32_t {
  shuffle = 1,
  dropout = 2,
  adapter_init = 3,
  weight_init = 4,
  sampling = 5,
  split = 6,
  rounding = 7
};

// The 4 words of Philox 4x32-10 for a 128-bit counter and 64-bit key.
std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, uint64_t key);

// 64 random bits, a double in [0, 1), and a standard normal, for position `index` of the stream.
class Stream {
 public:
  Stream(uint64_t seed, Purpose purpose, uint64_t substream = 0);
  uint64_t bits(uint64_t index) const;
  double uniform(uint64_t index) const;
  double normal(uint64_t index) const;

 private:
  uint64_t key_;
  uint32_t purpose_;
  uint64_t substream_;
};

// A permutation of 0..n-1 (Fisher-Yates) for this stream.
std::vector<uint32_t> permutation(uint32_t n, const Stream& stream);

}  // namespace swift::base
