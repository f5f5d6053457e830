#include "ops/linear.h"

#include <sstream>

#include "base/error.h"
#include "base/format.h"
#include "ops/low_rank.h"
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

// Whether x and w run on the panel kernels (and not on the vector kernel for few rows).
bool runs_panels(const Tensor& x, const Tensor& w) {
  const bool vector = x.size(0) <= kVectorRows && has_vector_bf16();
  return runs_native(x, w) && x.size(0) > 0 && !vector && has_panel_gemm();
}

Tensor product_nt(const Tensor& x, const Tensor& w, const Tensor& bias, const LowRankTerm& update = {}) {
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
    gemm_nt(data(in), data(w), shift_data, out, rows, w.size(0), w.size(1), update);
  }
  return y;
}

void check_shapes(const Tensor& x, const Tensor& w) {
  if (x.dim() == 2 && w.dim() == 2 && x.size(1) == w.size(1)) return;
  std::ostringstream text;
  text << "linear: input " << x.sizes() << " does not fit weight " << w.sizes();
  throw base::Error(base::ExitCode::failure, text.str());
}

// The low-rank pair of a pass, and what x went through before it met A.
struct Update {
  Tensor a, b;  // (rank, in), (out, rank)
  double scale = 1.0, dropout = 0;
  uint64_t key = 0;

  Tensor dropped(const Tensor& x) const { return dropout > 0 ? keyed_dropout(x, dropout, key) : x; }
};

// y = x · W^T + bias + h · B^T; h = scale · drop(x) · A^T (tokens, rank) is kept for the backward pass.
Tensor updated_product(const Tensor& x, const Tensor& w, const Tensor& bias, const Update& update,
                       Tensor& h) {
  if (runs_panels(x, w)) {
    h = project_down(update.dropped(x.contiguous()), even_rank(update.a, 0), update.scale);
    const Tensor b = even_rank(update.b, 1);
    return product_nt(x, w, bias, {data(h), data(b), h.size(1)});
  }
  Tensor y = product_nt(x, w, bias);
  h = at::linear(update.dropped(x), update.a.to(x.scalar_type())).mul_(update.scale);
  return y.addmm_(h, update.b.to(x.scalar_type()).t());
}

struct UpdateGradients {
  Tensor dx, da, db;
};

// Gradients of updated_product; those that are not wanted stay undefined.
UpdateGradients update_gradients(const Tensor& dy, const Tensor& x, const Tensor& w, const Tensor& h,
                                 const Update& update, bool want_dx, bool want_da, bool want_db) {
  UpdateGradients g;
  const int64_t rank = update.a.size(0);
  const bool panels = runs_panels(dy, w);
  const Tensor a = panels ? even_rank(update.a, 0) : update.a.to(dy.scalar_type());
  const Tensor dh = panels ? project_back(dy, even_rank(update.b, 1), update.scale)
                           : at::mm(dy, update.b.to(dy.scalar_type())).mul_(update.scale);  // (tokens, rank)
  if (want_db) g.db = panels ? sum_outer(h, dy, rank, true) : at::mm(dy.t(), h).to(update.b.scalar_type());
  if (want_da) {
    const Tensor in = update.dropped(x).contiguous();
    g.da = panels ? sum_outer(dh, in, rank, false) : at::mm(dh.t(), in).to(update.a.scalar_type());
  }
  if (!want_dx) return g;
  if (panels && update.dropout == 0) {
    g.dx = product_nn(dy, w, {data(dh), data(a), dh.size(1)});
  } else {
    g.dx = product_nn(dy, w);
    const Tensor through = at::mm(dh, a);
    g.dx.add_(update.dropout > 0 ? keyed_dropout(through, update.dropout, update.key) : through);
  }
  return g;
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  using Optional = std::optional<Tensor>;  // autograd refuses undefined inputs

  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& w, const Optional& bias_in,
                        const Optional& a_in, const Optional& b_in, double scale, double dropout,
                        int64_t key) {
    const Tensor bias = bias_in.value_or(Tensor()), a = a_in.value_or(Tensor()), b = b_in.value_or(Tensor());
    Tensor h;  // (tokens, rank)
    const Tensor y = a.defined()
                         ? updated_product(x, w, bias, {a, b, scale, dropout, static_cast<uint64_t>(key)}, h)
                         : product_nt(x, w, bias);
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
    // Only defined inputs have an edge.
    const size_t a_edge = bias.defined() ? 3 : 2;
    const bool want_dx = ctx->needs_input_grad(0);
    UpdateGradients g;
    if (a.defined()) {
      const Update update{a, b, ctx->saved_data["scale"].toDouble(), ctx->saved_data["dropout"].toDouble(),
                          static_cast<uint64_t>(ctx->saved_data["key"].toInt())};
      g = update_gradients(dy, x, w, h, update, want_dx, ctx->needs_input_grad(a_edge),
                           ctx->needs_input_grad(a_edge + 1));
    } else if (want_dx) {
      g.dx = product_nn(dy, w);
    }
    const Tensor dw = ctx->needs_input_grad(1) ? at::mm(dy.t(), x) : Tensor();
    const Tensor dbias = bias.defined() && ctx->needs_input_grad(2) ? dy.sum(0) : Tensor();
    return {g.dx, dw, dbias, g.da, g.db, Tensor(), Tensor(), Tensor()};
  }
};

}  // namespace

Tensor product_nn(const Tensor& dy, const Tensor& w, const LowRankTerm& update) {
  if (!runs_native(dy, w) || !has_panel_gemm() || dy.size(0) == 0) return at::mm(dy, w);
  Tensor dx = at::empty({dy.size(0), w.size(1)}, dy.options());
  gemm_nn(data(dy), data(w), dx.data_ptr<at::BFloat16>(), dy.size(0), w.size(0), w.size(1), update);
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
