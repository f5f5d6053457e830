#include "ops/products.h"

#include <algorithm>
#include <utility>

#include "ops/device_ops.h"

namespace swift::ops {
namespace {

using at::Tensor;

// Below this many rows the weights are read once, by the vector kernel.
constexpr int64_t kVectorRows = 8;

bool runs_native(const Tensor& x, const Tensor& w) {
  return x.scalar_type() == at::kBFloat16 && w.scalar_type() == at::kBFloat16 && device_ops(x) == nullptr &&
         w.is_contiguous() && w.size(0) % 2 == 0 && w.size(1) % 2 == 0;
}

const at::BFloat16* data(const Tensor& t) {
  return t.const_data_ptr<at::BFloat16>();
}

// y (rows, out) = x · W^T of fp32 copies: ATen's products of half types round their results. The copy of the
// weights is one slice of rows at a time.
Tensor wide_product(const Tensor& x, const Tensor& w, Tensor y) {
  constexpr int64_t kSlice = 1024;
  const Tensor wide = x.to(at::kFloat);
  for (int64_t first = 0; first < w.size(0); first += kSlice) {
    const int64_t count = std::min(kSlice, w.size(0) - first);
    y.narrow(1, first, count).copy_(at::mm(wide, w.narrow(0, first, count).to(at::kFloat).t()));
  }
  return y;
}

}  // namespace

bool runs_panels(const Tensor& x, const Tensor& w) {
  const bool vector = x.size(0) <= kVectorRows && has_vector_bf16();
  return runs_native(x, w) && x.size(0) > 0 && !vector && has_panel_gemm();
}

Tensor product_nt(const Tensor& x, const Tensor& w, const Tensor& bias, const LowRankTerm& update,
                  const ColumnGain& scaling) {
  if (const DeviceOps* device = device_ops(x)) return device->product(x, w, bias);
  const int64_t rows = x.size(0);
  const bool panels = runs_panels(x, w);
  const bool vector = runs_native(x, w) && rows > 0 && rows <= kVectorRows && has_vector_bf16();
  if (!vector && !panels) return at::linear(x, w, bias);
  const Tensor in = x.contiguous();
  const Tensor shift = bias.defined() ? bias.to(at::kBFloat16).contiguous() : bias;
  const at::BFloat16* shift_data = shift.defined() ? data(shift) : nullptr;
  Tensor y = at::empty({rows, w.size(0)}, x.options());
  auto* out = y.data_ptr<at::BFloat16>();
  if (vector) {
    gemv_bf16<at::BFloat16>(data(in), data(w), shift_data, out, rows, w.size(0), w.size(1));
  } else {
    gemm_nt(data(in), data(w), shift_data, out, rows, w.size(0), w.size(1), update, scaling);
  }
  return y;
}

Tensor product_nn(const Tensor& dy, const Tensor& w, const LowRankTerm& update) {
  if (!runs_native(dy, w) || !has_panel_gemm() || dy.size(0) == 0) return at::mm(dy, w);
  const Tensor in = dy.stride(1) == 1 ? dy : dy.contiguous();
  Tensor dx = at::empty({dy.size(0), w.size(1)}, dy.options());
  gemm_nn(data(in), data(w), dx.data_ptr<at::BFloat16>(), dy.size(0), w.size(0), w.size(1), update,
          in.stride(0));
  return dx;
}

Tensor logits(const Tensor& x, const Tensor& w) {
  if (const DeviceOps* device = device_ops(x)) return device->logits(x, w);
  const int64_t rows = x.size(0);
  const bool vector = rows <= kVectorRows && has_vector_bf16();
  Tensor y = at::empty({rows, w.size(0)}, x.options().dtype(at::kFloat));
  if (!runs_native(x, w) || rows == 0 || (!vector && !has_panel_gemm())) {
    const bool direct = x.scalar_type() == at::kFloat && w.scalar_type() == at::kFloat;
    return direct ? at::mm_out(y, x, w.t()) : wide_product(x, w, std::move(y));
  }
  const Tensor in = x.contiguous();
  if (vector) {
    gemv_bf16<float>(data(in), data(w), nullptr, y.data_ptr<float>(), rows, w.size(0), w.size(1));
  } else {
    gemm_nt_f32(data(in), data(w), y.data_ptr<float>(), rows, w.size(0), w.size(1));
  }
  return y;
}

}  // namespace swift::ops
