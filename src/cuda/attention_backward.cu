#include "cuda/attention_backward.cuh"
#include "cuda/attention_launch.h"

namespace swift::cuda {
namespace {

constexpr const char* kName = "attention_backward";

template <class T, int HeadDim>
void run(const AttentionBackward& a, Stream stream) {
  using Layout = BackwardLayout<HeadDim>;
  const Attention& f = a.forward;
  const auto shape = [&](int heads, int longest) {
    const int tiles = ceil_div(longest, Layout::kKept);
    require(tiles <= 65535, kName, "a sequence is too long");
    return LaunchShape{
        dim3(static_cast<unsigned>(heads), static_cast<unsigned>(tiles), static_cast<unsigned>(f.sequences)),
        dim3(kAttentionThreads), Layout::kBytes, stream};
  };
  const auto rows = int64_t{f.query_tokens} * f.heads;
  launch("attention_dots", attention_dots_kernel<T>,
         {dim3(static_cast<unsigned>(ceil_div<int64_t>(rows, kAttentionWarps))), dim3(kAttentionThreads), 0,
          stream},
         a);
  if (a.d_sinks) {
    launch("attention_sinks", attention_sinks_kernel,
           {dim3(static_cast<unsigned>(f.heads)), dim3(256), 0, stream}, a);
  }
  launch("attention_dq", attention_dq_kernel<T, HeadDim>, shape(f.heads, f.longest_query), a);
  const LaunchShape of_keys = shape(f.kv_heads, f.longest_key);
  if constexpr (HeadDim <= 128) {
    launch("attention_dkv", attention_dkv_kernel<T, HeadDim, true, true>, of_keys, a);
  } else {
    launch("attention_dv", attention_dkv_kernel<T, HeadDim, false, true>, of_keys, a);
    launch("attention_dk", attention_dkv_kernel<T, HeadDim, true, false>, of_keys, a);
  }
}

}  // namespace

void attention_backward(const AttentionBackward& a, Stream stream) {
  const Attention& f = a.forward;
  check_attention(kName, f);
  require(f.block_table == nullptr, kName, "keys must be packed");
  require(!a.d_sinks || f.sinks, kName, "d_sinks without sinks");
  for (const void* pointer : {a.out, a.d_out, static_cast<const void*>(a.dq), static_cast<const void*>(a.dk),
                              static_cast<const void*>(a.dv)})
    require_aligned(pointer, 16, kName);
  if (f.sequences == 0 || f.longest_query == 0 || f.longest_key == 0) return;
  dispatch_attention(kName, f,
                     [&](auto zero, auto dim) { run<decltype(zero), decltype(dim)::kValue>(a, stream); });
}

}  // namespace swift::cuda
