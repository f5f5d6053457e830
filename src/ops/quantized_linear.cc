#include "ops/quantized_linear.h"

#include <sstream>

#include "base/error.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;
using Optional = std::optional<Tensor>;  // autograd refuses undefined inputs

struct QuantizedLinearFunction : torch::autograd::Function<QuantizedLinearFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Optional& trained, const Optional& bias,
                        const Optional& a, const Optional& b, const QuantizedPtr& w, double scale,
                        double dropout, int64_t key) {
    Tensor y = w->product(x, bias.value_or(Tensor()));
    Tensor h;  // (tokens, rank)
    if (a) {
      const Tensor dropped = dropout > 0 ? keyed_dropout(x, dropout, static_cast<uint64_t>(key)) : x;
      h = at::linear(dropped, a->to(x.scalar_type()));
      y.addmm_(h, b->to(x.scalar_type()).t(), 1.0, scale);
    }
    ctx->save_for_backward({x, a.value_or(Tensor()), b.value_or(Tensor()), h});
    ctx->saved_data["weight"] = c10::IValue::make_capsule(w);
    ctx->saved_data["trained"] = trained.has_value();
    ctx->saved_data["bias"] = bias.has_value();
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["dropout"] = dropout;
    ctx->saved_data["key"] = key;
    return y;
  }

  // dA and dB, and the update's part of dx (undefined when not needed). dy (tokens, out).
  static std::array<Tensor, 3> low_rank_grads(AutogradContext* ctx, const Tensor& dy, bool needs_a,
                                              bool needs_b, bool needs_x) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &a = saved[1], &b = saved[2], &h = saved[3];
    const double scale = ctx->saved_data["scale"].toDouble();
    const double dropout = ctx->saved_data["dropout"].toDouble();
    const auto key = static_cast<uint64_t>(ctx->saved_data["key"].toInt());
    const auto drop = [&](const Tensor& t) { return dropout > 0 ? keyed_dropout(t, dropout, key) : t; };
    const Tensor dh = at::mm(dy, b.to(dy.scalar_type())).mul_(scale);  // (tokens, rank)
    Tensor da, db, dx;
    if (needs_a) da = at::mm(dh.t(), drop(x)).to(a.scalar_type());
    if (needs_b) db = at::mm(dy.t(), h).to(b.scalar_type()).mul_(scale);
    if (needs_x) dx = drop(at::mm(dh, a.to(dy.scalar_type())));
    return {da, db, dx};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &a = saved[1];
    const auto w = c10::static_intrusive_pointer_cast<QuantizedWeight>(ctx->saved_data["weight"].toCapsule());
    const Tensor dy = grads[0].contiguous();
    Tensor dx, dw, dbias, da, db;
    // Only defined inputs have an edge.
    size_t edge = 1;
    if (ctx->needs_input_grad(0))
      dx = product_nn(dy.to(w->compute_type()), w->unpack(w->compute_type())).to(x.scalar_type());
    if (ctx->saved_data["trained"].toBool() && ctx->needs_input_grad(edge++)) dw = at::mm(dy.t(), x);
    if (ctx->saved_data["bias"].toBool() && ctx->needs_input_grad(edge++)) dbias = dy.sum(0);
    if (a.defined()) {
      const auto parts =
          low_rank_grads(ctx, dy, ctx->needs_input_grad(edge), ctx->needs_input_grad(edge + 1), dx.defined());
      da = parts[0], db = parts[1];
      if (dx.defined()) dx.add_(parts[2]);
    }
    return {dx, dw, dbias, da, db, Tensor(), Tensor(), Tensor(), Tensor()};
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
                                          1.0, 0.0, int64_t{0});
  }
  return QuantizedLinearFunction::apply(x, optional(trained), optional(bias), optional(update->a),
                                        optional(update->b), w, update->scale, update->dropout,
                                        static_cast<int64_t>(update->dropout_key));
}

Tensor QuantizedLinear::plain(const Tensor& x, const QuantizedPtr& w, const Tensor& bias,
                              const LowRank* update) {
  return Linear::plain(x, w->unpack(x.scalar_type()), bias, update);
}

}  // namespace swift::ops
