#include "cuda/attention_forward.cuh"
#include "cuda/attention_launch.h"

namespace swift::cuda {

void attention_forward(const Attention& a, void* out, float* log_sums, Stream stream) {
  constexpr const char* kName = "attention_forward";
  check_attention(kName, a);
  require_aligned(out, 16, kName);
  if (a.sequences == 0 || a.longest_query == 0) return;
  dispatch_attention(kName, a, [&](auto zero, auto dim) {
    using T = decltype(zero);
    constexpr int kHeadDim = decltype(dim)::kValue;
    using Layout = ForwardLayout<kHeadDim>;
    const int tiles = ceil_div(a.longest_query, Layout::kQueries);
    require(tiles <= 65535, kName, "longest_query out of range");
    launch(kName, attention_forward_kernel<T, kHeadDim>,
           {dim3(static_cast<unsigned>(a.heads), static_cast<unsigned>(tiles),
                 static_cast<unsigned>(a.sequences)),
            dim3(kAttentionThreads), Layout::kBytes, stream},
           a, out, log_sums);
  });
}

}  // namespace swift::cuda
