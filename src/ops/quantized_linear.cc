#include "ops/quantized_linear.h"

#include <sstream>

#include "base/error.h"
#include "ops/low_rank.h"
#include "ops/low_rank_update.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using Optional = std::optional<Tensor>;  // autograd refuses undefined inputs

struct QuantizedLinearFunction : torch::autograd::Function<QuantizedLinearFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_in, const Optional& trained,
                        const Optional& bias, const Optional& a, const Optional& b, const QuantizedPtr& w,
                        double scale, double dropout, const DropoutKey& key) {
    const at::ScalarType compute = w->compute_type();
    const Tensor x = x_in.to(compute);
    Tensor y, h;  // h (tokens, rank)
    if (a && w->takes_update()) {
      const LowRank update{*a, *b, scale, dropout, key};
      h = project_down(update.dropped(x.contiguous()), even_rank(*a, 0), scale);
      const Tensor right = even_rank(*b, 1);
      y = w->updated_product(
          x, bias.value_or(Tensor()),
          {h.const_data_ptr<at::BFloat16>(), right.const_data_ptr<at::BFloat16>(), h.size(1)});
    } else if (a) {
      const Tensor shift = bias ? bias->to(compute) : Tensor();
      y = updated_product(x, w->unpack(compute), shift, {*a, *b, scale, dropout, key}, h);
    } else {
      y = w->product(x, bias.value_or(Tensor()));
    }
    ctx->save_for_backward({x, a.value_or(Tensor()), b.value_or(Tensor()), h});
    ctx->saved_data["weight"] = c10::IValue::make_capsule(w);
    ctx->saved_data["trained"] = trained.has_value();
    ctx->saved_data["bias"] = bias.has_value();
    ctx->saved_data["type"] = static_cast<int64_t>(x_in.scalar_type());
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["dropout"] = dropout;
    key.save(*ctx);
    return y.to(x_in.scalar_type());
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &a = saved[1], &b = saved[2], &h = saved[3];
    const auto w = c10::static_intrusive_pointer_cast<QuantizedWeight>(ctx->saved_data["weight"].toCapsule());
    const Tensor dy = grads[0].to(w->compute_type()).contiguous();
    Tensor dw, dbias;
    // Only defined inputs have an edge.
    size_t edge = 1;
    if (ctx->saved_data["trained"].toBool() && ctx->needs_input_grad(edge++)) dw = at::mm(dy.t(), x);
    if (ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(edge++)) dbias = dy.sum(0);
    const bool want_dx = ctx->needs_input_grad(0);
    UpdateGradients g;
    if (a.defined()) {
      const LowRank update{a, b, ctx->saved_data["scale"].toDouble(), ctx->saved_data["dropout"].toDouble(),
                           DropoutKey::saved(*ctx)};
      const Tensor full = w->unpack(w->compute_type());
      // Other kernels want no ranks that are made even.
      const Tensor low = keeps_padded_rank(dy, full, update) ? h : h.narrow(1, 0, a.size(0));
      g = update_gradients(dy, x, full, low, update, want_dx, ctx->needs_input_grad(edge),
                           ctx->needs_input_grad(edge + 1));
    } else if (want_dx) {
      g.dx = product_nn(dy, w->unpack(w->compute_type()));
    }
    if (g.dx.defined()) g.dx = g.dx.to(static_cast<at::ScalarType>(ctx->saved_data["type"].toInt()));
    return {g.dx, dw, dbias, g.da, g.db, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

Optional optional(const Tensor& t) {
  return t.defined() ? Optional(t) : std::nullopt;
}

}  // namespace

Tensor QuantizedLinear::forward(const Tensor& x, const QuantizedPtr& w, const Tensor& trained,
                                const Tensor& bias, const LowRank* update) {
  if (x.dim() != 2 || x.size(1) != w->sizes()[1]) {
    std::ostringstream text;
    text << "linear: input " << x.sizes() << " does not fit weight " << w->sizes();
    throw base::Error(base::ExitCode::failure, text.str());
  }
  if (update == nullptr) {
    return QuantizedLinearFunction::apply(x, optional(trained), optional(bias), Optional(), Optional(), w,
                                          1.0, 0.0, DropoutKey());
  }
  return QuantizedLinearFunction::apply(x, optional(trained), optional(bias), optional(update->a),
                                        optional(update->b), w, update->scale, update->dropout,
                                        update->dropout_key);
}

Tensor QuantizedLinear::plain(const Tensor& x, const QuantizedPtr& w, const Tensor& bias,
                              const LowRank* update) {
  return Linear::plain(x, w->unpack(x.scalar_type()), bias, update);
}

}  // namespace swift::ops
