#include "ops/dora.h"

#include <algorithm>

#include "ops/device_ops.h"
#include "ops/lanes.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// A fixed number of slices keeps sums over tokens independent of the number of threads.
constexpr int64_t kSlices = 8;

template <class T>
void square_rows(const T* w, float* squares, int64_t begin, int64_t end, int64_t width) {
  for (int64_t row = begin; row < end; ++row) {
    const T* in = w + row * width;
    Floats total = {};
    for_lanes(0, width, [&](int64_t i, int64_t n) {
      const Floats value = ops::load(in + i, n);
      total += value * value;
    });
    squares[row] = sum(total);
  }
}

template <class T>
void forward_rows(const T* z, const float* gain, const float* bias, T* y, int64_t begin, int64_t end,
                  int64_t width) {
  for (int64_t row = begin; row < end; ++row) {
    const T* in = z + row * width;
    T* out = y + row * width;
    for_lanes(0, width, [&](int64_t i, int64_t n) {
      const Floats shift = bias == nullptr ? Floats{} : ops::load(bias + i, n);
      store(out + i, ops::load(in + i, n) * ops::load(gain + i, n) + shift, n);
    });
  }
}

// dz = dy ⊙ gain; product (width) += the sum over rows of dy ⊙ z. Four rows share a load of the sums.
template <class T>
void backward_rows(const T* z, const T* dy, const float* gain, T* dz, float* product, int64_t begin,
                   int64_t end, int64_t width) {
  constexpr int64_t kTogether = 4;
  for (int64_t row = begin; row < end; row += kTogether) {
    const int64_t rows = std::min(kTogether, end - row);
    for_lanes(0, width, [&](int64_t i, int64_t n) {
      const Floats factor = ops::load(gain + i, n);
      Floats total = ops::load(product + i, n);
      for (int64_t r = row; r < row + rows; ++r) {
        const Floats g = ops::load(dy + r * width + i, n);
        total += g * ops::load(z + r * width + i, n);
        store(dz + r * width + i, g * factor, n);
      }
      store(product + i, total, n);
    });
  }
}

}  // namespace

std::pair<Tensor, Tensor> scale_rows_backward(const Tensor& z, const Tensor& dy, const Tensor& gain) {
  const int64_t rows = z.size(0), width = z.size(1);
  Tensor dz = at::empty_like(z);
  Tensor partial = at::zeros({kSlices, width}, gain.options());
  const int64_t per_slice = (rows + kSlices - 1) / kSlices;
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, z.scalar_type(), "row_scale_backward", [&] {
    at::parallel_for(0, kSlices, 1, [&](int64_t begin, int64_t end) {
      for (int64_t slice = begin; slice < end; ++slice) {
        backward_rows(z.const_data_ptr<scalar_t>(), dy.const_data_ptr<scalar_t>(),
                      gain.const_data_ptr<float>(), dz.data_ptr<scalar_t>(),
                      partial.data_ptr<float>() + slice * width, std::min(rows, slice * per_slice),
                      std::min(rows, (slice + 1) * per_slice), width);
      }
    });
  });
  return {dz, partial.sum(0)};
}

namespace {

struct RowScaleFunction : torch::autograd::Function<RowScaleFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& input, const Tensor& magnitude,
                        const Tensor& norms, const std::optional<Tensor>& bias_in) {
    const Tensor z = input.contiguous();
    const Tensor gain = (magnitude / norms).contiguous();
    const Tensor bias = bias_in ? bias_in->to(at::kFloat).contiguous() : Tensor();
    ctx->save_for_backward({z, gain, norms});
    ctx->saved_data["has_bias"] = bias_in.has_value();
    if (bias_in) ctx->saved_data["bias_type"] = static_cast<int64_t>(bias_in->scalar_type());
    if (device_ops(z) != nullptr) {
      const Tensor wide = z * gain;
      return (bias.defined() ? wide + bias : wide).to(z.scalar_type());
    }
    Tensor y = at::empty_like(z);
    AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, z.scalar_type(), "row_scale", [&] {
      at::parallel_for(0, z.size(0), 16, [&](int64_t begin, int64_t end) {
        forward_rows(z.const_data_ptr<scalar_t>(), gain.const_data_ptr<float>(),
                     bias.defined() ? bias.const_data_ptr<float>() : nullptr, y.data_ptr<scalar_t>(), begin,
                     end, z.size(1));
      });
    });
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &z = saved[0], &gain = saved[1], &norms = saved[2];
    const Tensor dy = grads[0].contiguous();
    Tensor dz, product, dbias;
    if (device_ops(z) == nullptr) {
      std::tie(dz, product) = scale_rows_backward(z, dy, gain);
    } else {
      dz = (dy * gain).to(z.scalar_type());
      product = (dy.to(at::kFloat) * z.to(at::kFloat)).sum(0);
    }
    // Only a defined input has an edge.
    if (ctx->saved_data["has_bias"].toBool() && ctx->needs_input_grad(3)) {
      const auto type = static_cast<at::ScalarType>(ctx->saved_data["bias_type"].toInt());
      dbias = dy.sum(0, false, at::kFloat).to(type);
    }
    return {dz, product / norms, Tensor(), dbias};
  }
};

}  // namespace

Tensor square_norms(const Tensor& weight) {
  const at::NoGradGuard no_grad;
  if (device_ops(weight) != nullptr || weight.scalar_type() == at::kDouble)
    return weight.to(at::kFloat).square().sum(1);
  const Tensor w = weight.detach().contiguous();
  Tensor squares = at::empty({w.size(0)}, w.options().dtype(at::kFloat));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, w.scalar_type(), "square_norms", [&] {
    at::parallel_for(0, w.size(0), 64, [&](int64_t begin, int64_t end) {
      square_rows(w.const_data_ptr<scalar_t>(), squares.data_ptr<float>(), begin, end, w.size(1));
    });
  });
  return squares;
}

Tensor updated_norms(const Tensor& w, const Tensor& squares, const LowRank& update) {
  const at::NoGradGuard no_grad;
  const Tensor a = update.a.to(w.scalar_type()), b = update.b.to(w.scalar_type()).to(at::kFloat);
  const Tensor cross = logits(a, w);  // (rank, out)
  const Tensor wide = a.to(at::kFloat);
  const Tensor gram = at::mm(wide, wide.t());  // (rank, rank)
  const Tensor linear = (cross.t() * b).sum(1);
  const Tensor quadratic = (at::mm(b, gram) * b).sum(1);
  // Rounding may take a row of zeros below zero; its norm must still divide.
  constexpr double kSmallest = 1e-24;
  return (squares + 2 * update.scale * linear + update.scale * update.scale * quadratic)
      .clamp_min(kSmallest)
      .sqrt();
}

Tensor RowScale::forward(const Tensor& z, const Tensor& magnitude, const Tensor& norms, const Tensor& bias) {
  if (z.scalar_type() == at::kDouble) return plain(z, magnitude, norms, bias);
  return RowScaleFunction::apply(z, magnitude, norms,
                                 bias.defined() ? std::optional<Tensor>(bias) : std::nullopt);
}

Tensor RowScale::plain(const Tensor& z, const Tensor& magnitude, const Tensor& norms, const Tensor& bias) {
  const Tensor y = z * (magnitude / norms).to(z.scalar_type());
  return bias.defined() ? y + bias : y;
}

}  // namespace swift::ops
