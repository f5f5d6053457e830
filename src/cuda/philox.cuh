// Philox 4x32-10 (Salmon et al., SC 2011), the words of base::philox.
#pragma once
#include "cuda/dialect.h"

namespace swift::cuda {

struct Words {
  uint32_t w[4];
};

__device__ __forceinline__ Words philox(Words counter, uint64_t key) {
  uint32_t k0 = static_cast<uint32_t>(key), k1 = static_cast<uint32_t>(key >> 32);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const uint32_t a = 0xD2511F53U, b = 0xCD9E8D57U;
    counter = {{__umulhi(b, counter.w[2]) ^ counter.w[1] ^ k0, b * counter.w[2],
                __umulhi(a, counter.w[0]) ^ counter.w[3] ^ k1, a * counter.w[0]}};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return counter;
}

}  // namespace swift::cuda
