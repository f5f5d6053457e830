#include "base/rng.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace swift::base {

std::array<uint32_t, 4> philox(std::array<uint32_t, 4> c, uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key);
  uint32_t k1 = static_cast<uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t a = uint64_t{0xD2511F53U} * c[0];
    const uint64_t b = uint64_t{0xCD9E8D57U} * c[2];
    c = {static_cast<uint32_t>(b >> 32) ^ c[1] ^ k0, static_cast<uint32_t>(b),
         static_cast<uint32_t>(a >> 32) ^ c[3] ^ k1, static_cast<uint32_t>(a)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return c;
}

// The substream takes the third counter word and, for its upper half, the purpose's word by addition of a
// multiple that no purpose reaches.
Stream::Stream(uint64_t seed, Purpose purpose, uint64_t substream)
    : key_(seed), purpose_(static_cast<uint32_t>(purpose)), substream_(substream) {}

uint64_t Stream::bits(uint64_t index) const {
  const auto words =
      philox({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
              static_cast<uint32_t>(substream_), static_cast<uint32_t>(substream_ >> 32) * 256U + purpose_},
             key_);
  return uint64_t{words[0]} << 32 | words[1];
}

double Stream::uniform(uint64_t index) const {
  return static_cast<double>(bits(index) >> 11) * 0x1p-53;
}

double Stream::normal(uint64_t index) const {
  const double u = 1.0 - uniform(2 * index);
  const double v = uniform(2 * index + 1);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

std::vector<uint32_t> permutation(uint32_t n, const Stream& stream) {
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0U);
  for (uint32_t i = n; i > 1; --i) std::swap(order[i - 1], order[stream.bits(i) % i]);
  return order;
}

}  // namespace swift::base
