#include "ops/rope.h"

#include "ops/device_ops.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Rotates the heads of tokens [begin, end). direction is 1 to rotate and -1 to rotate back (the transpose,
// hence the gradient).
template <class T>
void rotate_range(const T* x, const float* cos, const float* sin, T* y, int64_t begin, int64_t end,
                  int64_t heads, int64_t half, float direction) {
  for (int64_t token = begin; token < end; ++token) {
    const float* c = cos + token * half;
    const float* s = sin + token * half;
    for (int64_t head = 0; head < heads; ++head) {
      const T* in = x + (token * heads + head) * 2 * half;
      T* out = y + (token * heads + head) * 2 * half;
      for_lanes(0, half, [&](int64_t i, int64_t n) {
        const Floats low = load(in + i, n), high = load(in + i + half, n);
        const Floats cosine = load(c + i, n), turn = direction * load(s + i, n);
        store(out + i, low * cosine - high * turn, n);
        store(out + i + half, high * cosine + low * turn, n);
      });
    }
  }
}

Tensor rotate(const Tensor& input, const Tensor& cos, const Tensor& sin, float direction) {
  const Tensor x = input.contiguous();
  if (const DeviceOps* device = device_ops(x)) return device->rotate(x, cos, sin, direction < 0);
  Tensor y = at::empty_like(x);
  const int64_t tokens = x.size(0), heads = x.size(1), half = x.size(2) / 2;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "rope", [&] {
    at::parallel_for(0, tokens, 16, [&](int64_t begin, int64_t end) {
      rotate_range(x.const_data_ptr<scalar_t>(), cos.const_data_ptr<float>(), sin.const_data_ptr<float>(),
                   y.data_ptr<scalar_t>(), begin, end, heads, half, direction);
    });
  });
  return y;
}

struct RopeFunction : torch::autograd::Function<RopeFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& cos, const Tensor& sin) {
    ctx->save_for_backward({cos, sin});
    return rotate(x, cos, sin, 1.0F);
  }
  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    return {rotate(grads[0], saved[0], saved[1], -1.0F), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor Rope::forward(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  return at::GradMode::is_enabled() ? RopeFunction::apply(x, cos, sin) : rotate(x, cos, sin, 1.0F);
}

Tensor Rope::plain(const Tensor& x, const Tensor& cos, const Tensor& sin) {
  const auto halves = x.chunk(2, -1);
  const Tensor c = cos.unsqueeze(1).to(x.scalar_type());
  const Tensor s = sin.unsqueeze(1).to(x.scalar_type());
  return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
}

}  // namespace swift::ops
