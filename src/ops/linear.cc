#include "ops/linear.h"

#include <sstream>

#include "base/error.h"
#include "base/format.h"
#include "ops/gemm.h"
#include "ops/mix.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// Below this many rows the weights are read once, by the vector kernel.
constexpr int64_t kVectorRows = 8;

bool runs_native(const Tensor& x, const Tensor& w) {
  return x.scalar_type() == at::kBFloat16 && w.scalar_type() == at::kBFloat16 && x.is_cpu() &&
         w.is_contiguous() && w.size(0) % 2 == 0 && w.size(1) % 2 == 0;
}

const at::BFloat16* data(const Tensor& t) {
  return t.const_data_ptr<at::BFloat16>();
}

Tensor product_nt(const Tensor& x, const Tensor& w, const Tensor& bias) {
  const int64_t rows = x.size(0);
  if (!runs_native(x, w) || rows == 0) return at::linear(x, w, bias);
  const bool vector = rows <= kVectorRows && has_vector_bf16();
  if (!vector && !has_panel_gemm()) return at::linear(x, w, bias);
  const Tensor in = x.contiguous();
  const Tensor shift = bias.defined() ? bias.to(at::kBFloat16).contiguous() : bias;
  const at::BFloat16* shift_data = shift.defined() ? data(shift) : nullptr;
  Tensor y = at::empty({rows, w.size(0)}, x.options());
  auto* out = y.data_ptr<at::BFloat16>();
  if (vector) {
    gemv_bf16<at::BFloat16>(data(in), data(w), shift_data, out, rows, w.size(0), w.size(1));
  } else {
    gemm_nt(data(in), data(w), shift_data, out, rows, w.size(0), w.size(1));
  }
  return y;
}

void check_shapes(const Tensor& x, const Tensor& w) {
  if (x.dim() == 2 && w.dim() == 2 && x.size(1) == w.size(1)) return;
  std::ostringstream text;
  text << "linear: input " << x.sizes() << " does not fit weight " << w.sizes();
  throw base::Error(base::ExitCode::failure, text.str());
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  using Optional = std::optional<Tensor>;  // autograd refuses undefined inputs

  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& w, const Optional& bias_in,
                        const Optional& a_in, const Optional& b_in, double scale, double dropout,
                        int64_t key) {
    const Tensor bias = bias_in.value_or(Tensor()), a = a_in.value_or(Tensor()), b = b_in.value_or(Tensor());
    Tensor y = product_nt(x, w, bias);
    Tensor h;  // (tokens, rank)
    if (a.defined()) {
      const Tensor dropped = dropout > 0 ? keyed_dropout(x, dropout, static_cast<uint64_t>(key)) : x;
      h = at::linear(dropped, a.to(x.scalar_type()));
      y.addmm_(h, b.to(x.scalar_type()).t(), 1.0, scale);
    }
    ctx->save_for_backward({x, w, bias, a, b, h});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["dropout"] = dropout;
    ctx->saved_data["key"] = key;
    return y;
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &w = saved[1], &bias = saved[2], &a = saved[3], &b = saved[4], &h = saved[5];
    const Tensor dy = grads[0].contiguous();
    Tensor dx, dw, dbias, da, db;
    // Only defined inputs have an edge.
    const size_t a_edge = bias.defined() ? 3 : 2;
    if (ctx->needs_input_grad(0)) dx = product_nn(dy, w);
    if (ctx->needs_input_grad(1)) dw = at::mm(dy.t(), x);
    if (bias.defined() && ctx->needs_input_grad(2)) dbias = dy.sum(0);
    if (a.defined()) {
      const double scale = ctx->saved_data["scale"].toDouble();
      const double dropout = ctx->saved_data["dropout"].toDouble();
      const auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
      const Tensor dh = at::mm(dy, b.to(dy.scalar_type())).mul_(scale);  // (tokens, rank)
      if (ctx->needs_input_grad(a_edge + 1)) db = at::mm(dy.t(), h).to(b.scalar_type()).mul_(scale);
      if (ctx->needs_input_grad(a_edge)) {
        const Tensor dropped = dropout > 0 ? keyed_dropout(x, dropout, key) : x;
        da = at::mm(dh.t(), dropped).to(a.scalar_type());
      }
      if (dx.defined() && dropout > 0) {
        dx.add_(keyed_dropout(at::mm(dh, a.to(dy.scalar_type())), dropout, key));
      } else if (dx.defined()) {
        dx.addmm_(dh, a.to(dy.scalar_type()));
      }
    }
    return {dx, dw, dbias, da, db, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor product_nn(const Tensor& dy, const Tensor& w) {
  if (!runs_native(dy, w) || !has_panel_gemm() || dy.size(0) == 0) return at::mm(dy, w);
  Tensor dx = at::empty({dy.size(0), w.size(1)}, dy.options());
  gemm_nn(data(dy), data(w), dx.data_ptr<at::BFloat16>(), dy.size(0), w.size(0), w.size(1));
  return dx;
}

Tensor logits(const Tensor& x, const Tensor& w) {
  const int64_t rows = x.size(0);
  const bool vector = rows <= kVectorRows && has_vector_bf16();
  if (!runs_native(x, w) || rows == 0 || (!vector && !has_panel_gemm()))
    return at::linear(x, w).to(at::kFloat);
  Tensor y = at::empty({rows, w.size(0)}, x.options().dtype(at::kFloat));
  const Tensor in = x.contiguous();
  if (vector) {
    gemv_bf16<float>(data(in), data(w), nullptr, y.data_ptr<float>(), rows, w.size(0), w.size(1));
  } else {
    gemm_nt_f32(data(in), data(w), y.data_ptr<float>(), rows, w.size(0), w.size(1));
  }
  return y;
}

Tensor keyed_dropout(const Tensor& x, double p, uint64_t key) {
  const Tensor in = x.contiguous();
  Tensor out = at::empty_like(in);
  const auto threshold = static_cast<uint32_t>(p * 65536.0);
  const float keep_scale = static_cast<float>(1.0 / (1.0 - p));
  AT_DISPATCH_FLOATING_TYPES_AND2(at::kBFloat16, at::kHalf, in.scalar_type(), "keyed_dropout", [&] {
    const scalar_t* from = in.const_data_ptr<scalar_t>();
    scalar_t* to = out.data_ptr<scalar_t>();
    const int64_t quads = (in.numel() + 3) / 4;  // one 64-bit hash decides four elements
    at::parallel_for(0, quads, 4096, [&](int64_t begin, int64_t end) {
      for (int64_t quad = begin; quad < end; ++quad) {
        const uint64_t bits = keyed_bits(key, quad);
        for (int64_t lane = 0; lane < 4 && quad * 4 + lane < in.numel(); ++lane) {
          const bool keep = (bits >> (16 * lane) & 0xFFFFU) >= threshold;
          to[quad * 4 + lane] =
              keep ? static_cast<scalar_t>(static_cast<float>(from[quad * 4 + lane]) * keep_scale)
                   : static_cast<scalar_t>(0);
        }
      }
    });
  });
  return out;
}

Tensor Linear::forward(const Tensor& x, const Tensor& w, const Tensor& bias, const LowRank* update) {
  check_shapes(x, w);
  const auto optional = [](const Tensor& t) { return t.defined() ? std::optional<Tensor>(t) : std::nullopt; };
  if (update == nullptr) {
    return LinearFunction::apply(x, w, optional(bias), std::optional<Tensor>(), std::optional<Tensor>(), 1.0,
                                 0.0, int64_t{0});
  }
  return LinearFunction::apply(x, w, optional(bias), optional(update->a), optional(update->b), update->scale,
                               update->dropout, static_cast<int64_t>(update->dropout_key));
}

Tensor Linear::plain(const Tensor& x, const Tensor& w, const Tensor& bias, const LowRank* update) {
  Tensor y = at::matmul(x, w.t());
  if (bias.defined()) y = y + bias;
  if (update == nullptr) return y;
  Tensor in = x;
  if (update->dropout > 0) {
    in = x * keyed_dropout(at::ones_like(x), update->dropout, update->dropout_key);
  }
  return y + update->scale * at::matmul(at::matmul(in, update->a.to(x.scalar_type()).t()),
                                        update->b.to(x.scalar_type()).t());
}

}  // namespace swift::ops
