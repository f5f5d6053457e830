#include <algorithm>

#include "cuda/keyed_dropout.cuh"
#include "cuda/launch.h"

namespace swift::cuda {

void keyed_dropout(const KeyedDropout& a, Stream stream) {
  constexpr const char* kName = "keyed_dropout";
  constexpr int kThreads = 256;
  require(a.p >= 0 && a.p < 1, kName, "p must be in [0, 1)");
  require_aligned(a.x, 16, kName);
  require_aligned(a.y, 16, kName);
  if (a.count == 0) return;
  const int64_t blocks = std::min<int64_t>(ceil_div<int64_t>(a.count, 4 * kThreads), 1 << 16);
  dispatch(a.type, [&](auto zero) {
    launch(kName, keyed_dropout_kernel<decltype(zero)>,
           {dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream}, a,
           DropoutMask{a.key, static_cast<uint32_t>(a.p * 65536.0), static_cast<float>(1.0 / (1.0 - a.p)),
                       a.base});
  });
}

}  // namespace swift::cuda
