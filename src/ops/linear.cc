#include "ops/linear.h"

#include <sstream>

#include "base/error.h"
#include "base/format.h"
#include "ops/low_rank_update.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

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
                        const DropoutKey& key) {
    const Tensor bias = bias_in.value_or(Tensor()), a = a_in.value_or(Tensor()), b = b_in.value_or(Tensor());
    Tensor h;  // (tokens, rank)
    const Tensor y =
        a.defined() ? updated_product(x, w, bias, {a, b, scale, dropout, key}, h) : product_nt(x, w, bias);
    ctx->save_for_backward({x, w, bias, a, b, h});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["dropout"] = dropout;
    key.save(*ctx);
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
      const LowRank update{a, b, ctx->saved_data["scale"].toDouble(), ctx->saved_data["dropout"].toDouble(),
                           DropoutKey::saved(*ctx)};
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

Tensor Linear::forward(const Tensor& x, const Tensor& w, const Tensor& bias, const LowRank* update) {
  check_shapes(x, w);
  const auto optional = [](const Tensor& t) { return t.defined() ? std::optional<Tensor>(t) : std::nullopt; };
  if (update == nullptr) {
    return LinearFunction::apply(x, w, optional(bias), std::optional<Tensor>(), std::optional<Tensor>(), 1.0,
                                 0.0, DropoutKey());
  }
  return LinearFunction::apply(x, w, optional(bias), optional(update->a), optional(update->b), update->scale,
                               update->dropout, update->dropout_key);
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
