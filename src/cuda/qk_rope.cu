#include "cuda/launch.h"
#include "cuda/qk_rope.cuh"
#include "cuda/slices.cuh"

namespace swift::cuda {
namespace {

constexpr int kWarps = 4;

void check_heads(const char* name, int head_dim, int rotary_dim) {
  require(head_dim % 4 == 0 && head_dim <= 256, name, "head_dim must be a multiple of 4, up to 256");
  require(rotary_dim % 4 == 0 && rotary_dim <= head_dim, name,
          "rotary_dim must be a multiple of 4, up to head_dim");
}

}  // namespace

void qk_rope_forward(const QkRope& a, Stream stream) {
  constexpr const char* kName = "qk_rope_forward";
  check_heads(kName, a.head_dim, a.rotary_dim);
  require(a.q_stride % 2 == 0 && a.k_stride % 2 == 0 && a.v_stride % 2 == 0, kName, "strides must be even");
  require(a.pages.keys == nullptr || a.slots != nullptr, kName, "pages need slots");
  require(a.pages.type == KvType::same || a.pages.keys == nullptr || a.pages.key_scales != nullptr, kName,
          "coded pages need scales");
  const int64_t warps = a.tokens * (a.heads + (a.pages.keys ? 2 : 1) * a.kv_heads);
  require(warps <= int64_t{0x7FFFFFFF}, kName, "too many tokens");
  if (warps == 0) return;
  dispatch(a.type, [&](auto zero) {
    launch(kName, qk_rope_forward_kernel<decltype(zero)>,
           {dim3(static_cast<unsigned>(ceil_div<int64_t>(warps, kWarps))), dim3(kWarps * kWarpThreads), 0,
            stream},
           a);
  });
}

void rope_backward(const RopeBackward& a, Stream stream) {
  constexpr const char* kName = "rope_backward";
  check_heads(kName, a.head_dim, a.rotary_dim);
  require(a.x_stride % 2 == 0 && a.dx_stride % 2 == 0, kName, "strides must be even");
  require(a.dweight == nullptr || (a.partial != nullptr && a.weight != nullptr), kName,
          "dweight needs scratch");
  const int64_t pairs = a.tokens * a.heads;
  require(pairs <= int64_t{0x7FFFFFFF}, kName, "too many tokens");
  if (pairs == 0 && !a.dweight) return;
  const int64_t blocks = a.dweight ? kRopeSlices : ceil_div<int64_t>(pairs, kWarps);
  const LaunchShape shape{dim3(static_cast<unsigned>(blocks)), dim3(kWarps * kWarpThreads), 0, stream};
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    if (!a.dweight) return launch(kName, rope_backward_kernel<T, false>, shape, a);
    launch(kName, rope_backward_kernel<T, true>, shape, a);
    launch("sum_slices", sum_slices_kernel<T>,
           {dim3(static_cast<unsigned>(ceil_div(a.head_dim, 256))), dim3(256), 0, stream}, a.partial,
           static_cast<T*>(a.dweight), kRopeSlices, a.head_dim);
  });
}

}  // namespace swift::cuda
