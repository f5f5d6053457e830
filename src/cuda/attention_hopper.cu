#include <array>

#include "cuda/attention_hopper.cuh"
#include "cuda/attention_hopper.h"
#include "cuda/attention_launch.h"

namespace swift::cuda {
namespace {

constexpr const char* kName = "attention_hopper";

int keys_of_tile(int head_dim) {
  return head_dim <= 128 ? HopperLayout<128>::kKeys : HopperLayout<256>::kKeys;
}

// Of (tokens, heads, head_dim), boxes of 64 values of one head.
TensorMap packed_map(const Attention& a, const void* data, int tokens, int heads, int rows) {
  const auto row = static_cast<uint64_t>(a.head_dim) * 2, of_heads = static_cast<uint64_t>(heads);
  const std::array<TensorDimension, 3> shape = {
      {{static_cast<uint64_t>(a.head_dim), 0, 64},
       {of_heads, row, 1},
       {static_cast<uint64_t>(tokens), of_heads * row, static_cast<uint32_t>(rows)}}};
  return tensor_map(kName, a.type, data, shape);
}

// Of (pages, kv_heads, page_tokens, head_dim). How many pages there are is not known here, and no index is
// outside of them.
TensorMap paged_map(const Attention& a, const void* data) {
  const auto row = static_cast<uint64_t>(a.head_dim) * 2, tokens = static_cast<uint64_t>(a.page_tokens);
  const auto heads = static_cast<uint64_t>(a.kv_heads);
  const std::array<TensorDimension, 4> shape = {{{static_cast<uint64_t>(a.head_dim), 0, 64},
                                                 {tokens, row, static_cast<uint32_t>(a.page_tokens)},
                                                 {heads, tokens * row, 1},
                                                 {uint64_t{1} << 31, heads * tokens * row, 1}}};
  return tensor_map(kName, a.type, data, shape);
}

template <class T, int HeadDim, bool Capped>
void run(const Attention& a, void* out, float* log_sums, Stream stream) {
  const int tiles = ceil_div(a.longest_query, 2 * kHopperQueries);
  const bool paged = a.block_table != nullptr;
  const auto map = [&](const void* data) {
    return paged ? paged_map(a, data)
                 : packed_map(a, data, a.key_tokens, a.kv_heads, HopperLayout<HeadDim>::kKeys);
  };
  launch(
      kName, attention_hopper_kernel<T, HeadDim, Capped>,
      {dim3(static_cast<unsigned>(a.heads), static_cast<unsigned>(tiles), static_cast<unsigned>(a.sequences)),
       dim3(kHopperThreads), HopperLayout<HeadDim>::kBytes, stream},
      a, packed_map(a, a.q, a.query_tokens, a.heads, kHopperQueries), map(a.keys), map(a.values), out,
      log_sums);
}

}  // namespace

bool hopper_takes(const Attention& a) {
  if (a.head_dim != 64 && a.head_dim != 128 && a.head_dim != 256) return false;
  if (a.head_dim == 256 && a.soft_cap > 0) return false;  // its registers would not do
  if (a.kv_type != KvType::same || a.scale <= 0 || a.query_tokens == 0) return false;
  if (a.block_table == nullptr) return a.key_tokens > 0;
  return a.page_tokens % 8 == 0 && keys_of_tile(a.head_dim) % a.page_tokens == 0;
}

bool on_hopper() {
#if defined(__CUDACC__) && defined(SWIFT_CUDA_90A)
  int device = 0, major = 0;
  return cudaGetDevice(&device) == cudaSuccess &&
         cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess &&
         major == 9;
#else
  return false;
#endif
}

void attention_forward_hopper(const Attention& a, void* out, float* log_sums, Stream stream) {
  check_attention(kName, a);
  require_aligned(out, 16, kName);
  require(hopper_takes(a), kName, "a shape that is not served");
  if (a.sequences == 0 || a.longest_query == 0) return;
  const auto with = [&](auto zero, auto dim) {
    using T = decltype(zero);
    constexpr int kHeadDim = decltype(dim)::kValue;
    if constexpr (kHeadDim < 256) {
      if (a.soft_cap > 0) return run<T, kHeadDim, true>(a, out, log_sums, stream);
    }
    run<T, kHeadDim, false>(a, out, log_sums, stream);
  };
  const auto of_type = [&](auto dim) {
    if (a.type == Type::float16) return with(f16{}, dim);
    with(bf16{}, dim);
  };
  if (a.head_dim == 64) return of_type(HeadDimOf<64>{});
  if (a.head_dim == 128) return of_type(HeadDimOf<128>{});
  of_type(HeadDimOf<256>{});
}

}  // namespace swift::cuda
