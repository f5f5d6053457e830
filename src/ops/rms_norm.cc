#include "ops/rms_norm.h"

#include <cmath>
#include <vector>

#include "ops/device_ops.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

template <class T>
void forward_rows(const T* x, const T* w, T* y, float* inverse_rms, int64_t begin, int64_t end,
                  int64_t hidden, float eps) {
  for (int64_t row = begin; row < end; ++row) {
    const T* in = x + row * hidden;
    Floats squares = {};
    for_lanes(0, hidden, [&](int64_t i, int64_t n) {
      const Floats value = load(in + i, n);
      squares += value * value;
    });
    const float scale = 1.0F / std::sqrt(sum(squares) / static_cast<float>(hidden) + eps);
    inverse_rms[row] = scale;
    T* out = y + row * hidden;
    for_lanes(0, hidden, [&](int64_t i, int64_t n) {
      store(out + i, rounded<T>(load(in + i, n) * scale) * load(w + i, n), n);
    });
  }
}

// dx = s (g - x s^2 mean(g x)) with g = dy w and s the inverse root mean square.
template <class T>
void backward_rows(const T* x, const T* w, const T* dy, const float* inverse_rms, T* dx, float* dw,
                   int64_t begin, int64_t end, int64_t hidden) {
  for (int64_t row = begin; row < end; ++row) {
    const T* in = x + row * hidden;
    const T* grad = dy + row * hidden;
    const float scale = inverse_rms[row];
    Floats dot = {};
    for_lanes(0, hidden,
              [&](int64_t i, int64_t n) { dot += load(grad + i, n) * load(w + i, n) * load(in + i, n); });
    const float shift = sum(dot) * scale * scale / static_cast<float>(hidden);
    T* out = dx + row * hidden;
    for_lanes(0, hidden, [&](int64_t i, int64_t n) {
      store(out + i, scale * (load(grad + i, n) * load(w + i, n) - load(in + i, n) * shift), n);
    });
    if (dw == nullptr) continue;
    for_lanes(0, hidden, [&](int64_t i, int64_t n) {
      store(dw + i, load(dw + i, n) + load(grad + i, n) * load(in + i, n) * scale, n);
    });
  }
}

// inverse_rms: (rows) fp32.
Tensor normalised(const Tensor& x, const Tensor& w, const Tensor& inverse_rms, double eps) {
  if (const DeviceOps* device = device_ops(x)) return device->rms_norm(x, w, eps, inverse_rms);
  const int64_t hidden = x.size(-1);
  Tensor y = at::empty_like(x);
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "rms_norm", [&] {
    at::parallel_for(0, inverse_rms.size(0), 32, [&](int64_t begin, int64_t end) {
      forward_rows(x.const_data_ptr<scalar_t>(), w.const_data_ptr<scalar_t>(), y.data_ptr<scalar_t>(),
                   inverse_rms.data_ptr<float>(), begin, end, hidden, static_cast<float>(eps));
    });
  });
  return y;
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& input, const Tensor& weight, double eps) {
    const Tensor x = input.contiguous();
    const Tensor w = weight.to(x.scalar_type()).contiguous();
    const Tensor inverse_rms = at::empty({x.numel() / x.size(-1)}, x.options().dtype(at::kFloat));
    Tensor y = normalised(x, w, inverse_rms, eps);
    ctx->save_for_backward({x, w, inverse_rms});
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &w = saved[1], &inverse_rms = saved[2];
    const Tensor dy = grads[0].contiguous();
    const bool weight_grad = ctx->needs_input_grad(1);
    if (const DeviceOps* device = device_ops(x)) {
      const auto [dx, dw] = device->rms_norm_backward(dy, x, w, inverse_rms, weight_grad);
      return {dx, dw, Tensor()};
    }
    const int64_t hidden = x.size(-1);
    const int64_t rows = x.numel() / hidden;
    Tensor dx = at::empty_like(x);
    // A fixed number of slices keeps the sum over rows independent of the number of threads.
    constexpr int64_t kSlices = 16;
    Tensor partial = at::zeros({weight_grad ? kSlices : 0, hidden}, x.options().dtype(at::kFloat));
    const int64_t per_slice = (rows + kSlices - 1) / kSlices;
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, x.scalar_type(), "rms_norm_backward", [&] {
      at::parallel_for(0, kSlices, 1, [&](int64_t begin, int64_t end) {
        for (int64_t slice = begin; slice < end; ++slice) {
          float* dw = weight_grad ? partial.data_ptr<float>() + slice * hidden : nullptr;
          backward_rows(x.const_data_ptr<scalar_t>(), w.const_data_ptr<scalar_t>(),
                        dy.const_data_ptr<scalar_t>(), inverse_rms.const_data_ptr<float>(),
                        dx.data_ptr<scalar_t>(), dw, std::min(rows, slice * per_slice),
                        std::min(rows, (slice + 1) * per_slice), hidden);
        }
      });
    });
    return {dx, weight_grad ? partial.sum(0).to(w.scalar_type()) : Tensor(), Tensor()};
  }
};

}  // namespace

Tensor RmsNorm::forward(const Tensor& x, const Tensor& w, double eps) {
  if (at::GradMode::is_enabled()) return RmsNormFunction::apply(x, w, eps);
  const Tensor in = x.contiguous();
  const Tensor inverse_rms = at::empty({in.numel() / in.size(-1)}, in.options().dtype(at::kFloat));
  return normalised(in, w.to(in.scalar_type()).contiguous(), inverse_rms, eps);
}

Tensor RmsNorm::plain(const Tensor& x, const Tensor& w, double eps) {
  const auto wide_type = x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const Tensor wide = x.to(wide_type);
  const Tensor normal = wide * at::rsqrt(wide.square().mean(-1, true) + eps);
  return normal.to(x.scalar_type()) * w;
}

}  // namespace swift::ops
