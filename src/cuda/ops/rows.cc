// Normalisation, gates, rotation and dropout: one pass over rows of activations.
#include "cuda/gated.h"
#include "cuda/keyed_dropout.h"
#include "cuda/ops/cuda_ops.h"
#include "cuda/ops/platform.h"
#include "cuda/qk_rope.h"
#include "cuda/rms_norm.h"

namespace swift::cuda {
using at::Tensor;
namespace {

// Values between rows of t (…, columns): its rows may lie apart where it has two dimensions.
int64_t row_stride(const Tensor& t) {
  return t.dim() == 2 && t.size(0) > 1 ? t.stride(0) : t.size(-1);
}

// gate, up (…, columns).
Gated gated_of(const Tensor& gate, const Tensor& up) {
  Gated a{};
  a.type = type_of(gate);
  a.activation = Activation::silu;
  a.gate = gate.const_data_ptr();
  a.up = up.const_data_ptr();
  a.columns = static_cast<int>(gate.size(-1));
  a.gate_stride = row_stride(gate);
  a.up_stride = row_stride(up);
  a.rows = gate.numel() / gate.size(-1);
  return a;
}

}  // namespace

Tensor CudaOps::rms_norm(const Tensor& x, const Tensor& w, double eps, const Tensor& inverse_rms) const {
  Tensor y = at::empty_like(x);
  RmsNormForward a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.weight = w.const_data_ptr();
  a.y = y.data_ptr();
  a.inverse_rms = inverse_rms.data_ptr<float>();
  a.rows = inverse_rms.numel();
  a.hidden = static_cast<int>(x.size(-1));
  a.eps = static_cast<float>(eps);
  rms_norm_forward(a, stream_of(x));
  return y;
}

Tensor CudaOps::add_rms_norm(Tensor& x, const Tensor& residual, const Tensor& w, double eps) const {
  Tensor y = at::empty_like(x);
  const Tensor update = residual.defined() ? residual.contiguous() : residual;
  RmsNormForward a{};
  a.type = type_of(x);
  a.x = x.const_data_ptr();
  a.weight = w.const_data_ptr();
  a.y = y.data_ptr();
  if (update.defined()) {
    a.residual = update.const_data_ptr();
    a.sum = x.data_ptr();
  }
  a.rows = x.numel() / x.size(-1);
  a.hidden = static_cast<int>(x.size(-1));
  a.eps = static_cast<float>(eps);
  rms_norm_forward(a, stream_of(x));
  return y;
}

std::pair<Tensor, Tensor> CudaOps::rms_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& w,
                                                     const Tensor& inverse_rms, bool weight_gradient) const {
  const int64_t hidden = x.size(-1);
  Tensor dx = at::empty_like(x), dw, partial;
  RmsNormBackward a{};
  a.type = type_of(x);
  a.dy = dy.const_data_ptr();
  a.x = x.const_data_ptr();
  a.weight = w.const_data_ptr();
  a.inverse_rms = inverse_rms.const_data_ptr<float>();
  a.dx = dx.data_ptr();
  a.rows = inverse_rms.numel();
  a.hidden = static_cast<int>(hidden);
  if (weight_gradient) {
    dw = at::empty_like(w);
    partial = at::empty({kRmsNormSlices, hidden}, x.options().dtype(at::kFloat));
    a.dweight = dw.data_ptr();
    a.partial = partial.data_ptr<float>();
  }
  cuda::rms_norm_backward(a, stream_of(x));
  return {dx, dw};
}

Tensor CudaOps::swiglu(const Tensor& gate, const Tensor& up) const {
  Tensor y = at::empty(gate.sizes(), gate.options());
  Gated a = gated_of(gate, up);
  a.y = y.data_ptr();
  gated_forward(a, stream_of(gate));
  return y;
}

std::pair<Tensor, Tensor> CudaOps::swiglu_backward(const Tensor& dy, const Tensor& gate,
                                                   const Tensor& up) const {
  Tensor dgate = at::empty_like(gate), dup = at::empty_like(up);
  Gated a = gated_of(gate, up);
  a.dy = dy.const_data_ptr();
  a.dgate = dgate.data_ptr();
  a.dup = dup.data_ptr();
  gated_backward(a, stream_of(gate));
  return {dgate, dup};
}

Tensor CudaOps::rotate(const Tensor& x, const Tensor& cos, const Tensor& sin, bool back) const {
  Tensor y = at::empty_like(x);
  const int64_t width = x.size(1) * x.size(2);
  if (back) {
    RopeBackward a{};
    a.type = type_of(x);
    a.dy = x.const_data_ptr();
    a.dx = y.data_ptr();
    a.dx_stride = width;
    a.cos = cos.const_data_ptr<float>();
    a.sin = sin.const_data_ptr<float>();
    a.rotary_dim = static_cast<int>(x.size(2));
    a.tokens = x.size(0);
    a.heads = static_cast<int>(x.size(1));
    a.head_dim = static_cast<int>(x.size(2));
    rope_backward(a, stream_of(x));
    return y;
  }
  QkRope a{};
  a.type = type_of(x);
  a.q = x.const_data_ptr();
  a.q_stride = width;
  a.q_out = y.data_ptr();
  a.cos = cos.const_data_ptr<float>();
  a.sin = sin.const_data_ptr<float>();
  a.rotary_dim = static_cast<int>(x.size(2));
  a.tokens = x.size(0);
  a.heads = static_cast<int>(x.size(1));
  a.head_dim = static_cast<int>(x.size(2));
  qk_rope_forward(a, stream_of(x));
  return y;
}

Tensor CudaOps::keyed_dropout(const Tensor& x, double p, const ops::DropoutKey& key) const {
  Tensor out = at::empty_like(x);
  cuda::keyed_dropout({type_of(x), x.const_data_ptr(), out.data_ptr(), x.numel(), p, key.value, base_of(key)},
                      stream_of(x));
  return out;
}

}  // namespace swift::cuda
