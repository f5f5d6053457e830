#include "ops/swiglu.h"

#include "ops/device_ops.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

constexpr int64_t kGrain = 8192;

template <class T>
void forward_range(const T* gate, const T* up, T* y, int64_t begin, int64_t end) {
  for_lanes(begin, end, [&](int64_t i, int64_t n) {
    const Floats g = load(gate + i, n);
    store(y + i, g / (1.0F + exp_lanes(-g)) * load(up + i, n), n);
  });
}

template <class T>
void backward_range(const T* gate, const T* up, const T* dy, T* dgate, T* dup, int64_t begin, int64_t end) {
  for_lanes(begin, end, [&](int64_t i, int64_t n) {
    const Floats g = load(gate + i, n), d = load(dy + i, n);
    const Floats sigmoid = 1.0F / (1.0F + exp_lanes(-g));
    store(dup + i, d * g * sigmoid, n);
    store(dgate + i, d * load(up + i, n) * sigmoid * (1.0F + g * (1.0F - sigmoid)), n);
  });
}

Tensor gated(const Tensor& gate, const Tensor& up) {
  if (const DeviceOps* device = device_ops(gate)) return device->swiglu(gate, up);
  Tensor y = at::empty_like(gate);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, gate.scalar_type(), "swiglu", [&] {
    at::parallel_for(0, gate.numel(), kGrain, [&](int64_t begin, int64_t end) {
      forward_range(gate.const_data_ptr<scalar_t>(), up.const_data_ptr<scalar_t>(), y.data_ptr<scalar_t>(),
                    begin, end);
    });
  });
  return y;
}

struct SwiGluFunction : torch::autograd::Function<SwiGluFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& gate_in, const Tensor& up_in) {
    const Tensor gate = gate_in.contiguous();
    const Tensor up = up_in.contiguous();
    Tensor y = gated(gate, up);
    ctx->save_for_backward({gate, up});
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor dy = grads[0].contiguous();
    if (const DeviceOps* device = device_ops(dy)) {
      const auto [dgate, dup] = device->swiglu_backward(dy, saved[0], saved[1]);
      return {dgate, dup};
    }
    Tensor dgate = at::empty_like(saved[0]);
    Tensor dup = at::empty_like(saved[1]);
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, dy.scalar_type(), "swiglu_backward", [&] {
      at::parallel_for(0, dy.numel(), kGrain, [&](int64_t begin, int64_t end) {
        backward_range(saved[0].const_data_ptr<scalar_t>(), saved[1].const_data_ptr<scalar_t>(),
                       dy.const_data_ptr<scalar_t>(), dgate.data_ptr<scalar_t>(), dup.data_ptr<scalar_t>(),
                       begin, end);
      });
    });
    return {dgate, dup};
  }
};

}  // namespace

Tensor SwiGlu::forward(const Tensor& gate, const Tensor& up) {
  if (gate.scalar_type() == at::kDouble) return plain(gate, up);
  if (at::GradMode::is_enabled()) return SwiGluFunction::apply(gate, up);
  const bool here = device_ops(gate) == nullptr;  // a device takes rows that lie apart
  return here ? gated(gate.contiguous(), up.contiguous()) : gated(gate, up);
}

Tensor SwiGlu::plain(const Tensor& gate, const Tensor& up) {
  return at::silu(gate) * up;
}

}  // namespace swift::ops
