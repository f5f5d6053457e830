#include <type_traits>

#include "cuda/cross_entropy.cuh"
#include "cuda/launch.h"

namespace swift::cuda {
namespace {

constexpr const char* kName = "cross_entropy";

LaunchShape check(const CrossEntropy& a, Stream stream) {
  require(a.stride % 8 == 0 && a.stride >= a.vocab, kName, "stride must be a multiple of 8 that holds vocab");
  require(a.vocab > 0 && a.rows <= INT32_MAX && a.scale > 0, kName, "vocab, rows or scale out of range");
  require_aligned(a.logits, 16, kName);
  return {dim3(static_cast<unsigned>(a.rows)), dim3(kLossThreads), 0, stream};
}

}  // namespace

void cross_entropy_forward(const CrossEntropy& a, float* log_probs, float* entropies, float* log_sums,
                           Stream stream) {
  const LaunchShape shape = check(a, stream);
  if (a.rows == 0) return;
  dispatch(a.type, [&](auto zero) {
    launch("cross_entropy_forward", cross_entropy_forward_kernel<decltype(zero)>, shape, a, log_probs,
           entropies, log_sums);
  });
}

void cross_entropy_backward(const CrossEntropyBackward& a, Stream stream) {
  const CrossEntropy& f = a.forward;
  const LaunchShape shape = check(f, stream);
  require(f.type == Type::float32 || f.type == a.d_type, kName, "d_logits must have the type of logits");
  require(f.logits != a.d_logits || f.type == a.d_type, kName, "d_logits over logits of another type");
  require(!a.d_entropies || a.entropies, kName, "d_entropies without entropies");
  require_aligned(a.d_logits, 16, kName);
  if (f.rows == 0) return;
  dispatch(a.d_type, [&](auto zero) {
    using D = decltype(zero);
    if (f.type == Type::float32)
      return launch("cross_entropy_backward", cross_entropy_backward_kernel<float, D>, shape, a);
    if constexpr (!std::is_same_v<D, float>)
      launch("cross_entropy_backward", cross_entropy_backward_kernel<D, D>, shape, a);
  });
}

}  // namespace swift::cuda
