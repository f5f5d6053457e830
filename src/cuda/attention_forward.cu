#include "cuda/attention_forward.cuh"
#include "cuda/attention_hopper.h"
#include "cuda/attention_launch.h"

namespace swift::cuda {
namespace {

constexpr const char* kName = "attention_forward";

template <class T, int HeadDim, KvType Kind>
void run(const Attention& a, void* out, float* log_sums, Stream stream) {
  using Layout = ForwardLayout<HeadDim, Kind>;
  const int tiles = ceil_div(a.longest_query, Layout::kQueries);
  require(tiles <= 65535, kName, "longest_query out of range");
  launch(
      kName, attention_forward_kernel<T, HeadDim, Kind>,
      {dim3(static_cast<unsigned>(a.heads), static_cast<unsigned>(tiles), static_cast<unsigned>(a.sequences)),
       dim3(kAttentionThreads), Layout::kBytes, stream},
      a, out, log_sums);
}

}  // namespace

void attention_forward(const Attention& a, void* out, float* log_sums, Stream stream) {
  if (hopper_takes(a) && on_hopper()) return attention_forward_hopper(a, out, log_sums, stream);
  attention_forward_any(a, out, log_sums, stream);
}

void attention_forward_any(const Attention& a, void* out, float* log_sums, Stream stream) {
  check_attention(kName, a);
  require_aligned(out, 16, kName);
  if (a.sequences == 0 || a.longest_query == 0) return;
  dispatch_attention(kName, a, [&](auto zero, auto dim) {
    using T = decltype(zero);
    constexpr int kHeadDim = decltype(dim)::kValue;
    switch (a.kv_type) {
      case KvType::same:
        return run<T, kHeadDim, KvType::same>(a, out, log_sums, stream);
      case KvType::int8:
        return run<T, kHeadDim, KvType::int8>(a, out, log_sums, stream);
      case KvType::fp8:
        return run<T, kHeadDim, KvType::fp8>(a, out, log_sums, stream);
    }
  });
}

}  // namespace swift::cuda
