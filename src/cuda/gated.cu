#include "cuda/gated.cuh"
#include "cuda/launch.h"

namespace swift::cuda {
namespace {

constexpr int kThreads = 256;

template <class T, Activation A, bool Backward>
void run(const char* name, const Gated& a, Stream stream) {
  constexpr int kWide = kPackWidth<T>;
  bool wide = a.columns % kWide == 0 && a.gate_stride % kWide == 0 && a.up_stride % kWide == 0;
  for (const void* p : {a.gate, a.up, static_cast<const void*>(a.y), a.dy, static_cast<const void*>(a.dgate),
                        static_cast<const void*>(a.dup)}) {
    wide = wide && reinterpret_cast<uintptr_t>(p) % 16 == 0;
  }
  const int parts = ceil_div(a.columns, kThreads * (wide ? kWide : 1));
  require(a.rows * parts <= 0x7FFFFFFF, name, "too many rows");
  const LaunchShape shape{dim3(static_cast<unsigned>(a.rows * parts)), dim3(kThreads), 0, stream};
  if (wide) {
    launch(name, gated_kernel<T, A, kWide, Backward>, shape, a, parts);
  } else {
    launch(name, gated_kernel<T, A, 1, Backward>, shape, a, parts);
  }
}

template <bool Backward>
void choose(const char* name, const Gated& a, Stream stream) {
  if (a.rows == 0 || a.columns == 0) return;
  dispatch(a.type, [&](auto zero) {
    using T = decltype(zero);
    switch (a.activation) {
      case Activation::silu:
        return run<T, Activation::silu, Backward>(name, a, stream);
      case Activation::gelu_tanh:
        return run<T, Activation::gelu_tanh, Backward>(name, a, stream);
      case Activation::gelu_erf:
        return run<T, Activation::gelu_erf, Backward>(name, a, stream);
    }
  });
}

}  // namespace

void gated_forward(const Gated& a, Stream stream) {
  choose<false>("gated_forward", a, stream);
}
void gated_backward(const Gated& a, Stream stream) {
  choose<true>("gated_backward", a, stream);
}

}  // namespace swift::cuda
