// Hash bits for random values that are a pure function of a key and an element's index.
#pragma once
#include <cstdint>

namespace swift::ops {

// splitmix64's finaliser: a cheap bijection whose output bits are well mixed.
inline uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// The bits of element `index` under `key`.
inline uint64_t keyed_bits(uint64_t key, int64_t index) {
  return mix(key + 0x9E3779B97F4A7C15ULL * static_cast<uint64_t>(index + 1));
}

}  // namespace swift::ops
