#include "cuda/launch.h"
#include "cuda/rms_norm.cuh"
#include "cuda/slices.cuh"

namespace swift::cuda {
namespace {

constexpr int kMaxThreads = 1024;

// f(width, packs, threads) with compile-time width and packs: few packs a thread, but no more than 256
// threads while that is possible, and at least two rows an SM.
template <class T, class Function>
void with_shape(const char* name, int hidden, bool aligned, Function f) {
  constexpr int kWide = kPackWidth<T>;
  const auto threads_for = [&](int values) {
    return ceil_div(ceil_div(hidden, values), kWarpThreads) * kWarpThreads;
  };
  const auto one = std::integral_constant<int, 1>{};
  const auto wide = std::integral_constant<int, kWide>{};
  if (aligned && hidden % kWide == 0) {
    if (threads_for(kWide) <= 256) return f(wide, one, threads_for(kWide));
    if (threads_for(2 * kWide) <= kMaxThreads)
      return f(wide, std::integral_constant<int, 2>{}, threads_for(2 * kWide));
  } else if (threads_for(8) <= kMaxThreads) {
    return f(one, std::integral_constant<int, 8>{}, threads_for(8));
  }
  refuse(name, "hidden " + std::to_string(hidden) + " is too large");
}

template <class... Pointers>
bool aligned(Pointers... pointers) {
  return ((reinterpret_cast<uintptr_t>(pointers) % 16 == 0) && ...);
}

}  // namespace

void rms_norm_forward(const RmsNormForward& a, Stream stream) {
  constexpr const char* kName = "rms_norm_forward";
  require(a.hidden > 0 && a.rows <= 0x7FFFFFFF, kName, "rows or hidden out of range");
  require((a.residual == nullptr) == (a.sum == nullptr), kName, "residual and sum come together");
  if (a.rows == 0) return;
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    with_shape<T>(
        kName, a.hidden, aligned(a.x, a.residual, a.weight, a.y, a.sum),
        [&](auto width, auto packs, int threads) {
          launch(kName, rms_norm_forward_kernel<T, width, packs>,
                 {dim3(static_cast<unsigned>(a.rows)), dim3(static_cast<unsigned>(threads)), 0, stream}, a);
        });
  });
}

void rms_norm_backward(const RmsNormBackward& a, Stream stream) {
  constexpr const char* kName = "rms_norm_backward";
  require(a.hidden > 0 && a.rows <= 0x7FFFFFFF, kName, "rows or hidden out of range");
  require(a.dweight == nullptr || a.partial != nullptr, kName, "dweight needs scratch");
  // Without a weight's gradient every row is its own block.
  const int64_t blocks = a.dweight ? kRmsNormSlices : a.rows;
  if (a.rows == 0 && !a.dweight) return;
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    with_shape<T>(kName, a.hidden, aligned(a.dy, a.x, a.weight, a.dsum, a.dx),
                  [&](auto width, auto packs, int threads) {
                    const LaunchShape shape{dim3(static_cast<unsigned>(blocks)),
                                            dim3(static_cast<unsigned>(threads)), 0, stream};
                    if (a.dweight) {
                      launch(kName, rms_norm_backward_kernel<T, width, packs, true>, shape, a);
                    } else {
                      launch(kName, rms_norm_backward_kernel<T, width, packs, false>, shape, a);
                    }
                  });
    if (!a.dweight) return;
    launch("sum_slices", sum_slices_kernel<T>,
           {dim3(static_cast<unsigned>(ceil_div(a.hidden, 256))), dim3(256), 0, stream}, a.partial,
           static_cast<T*>(a.dweight), kRmsNormSlices, a.hidden);
  });
}

}  // namespace swift::cuda
