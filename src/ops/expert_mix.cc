#include "ops/expert_mix.h"

#include "ops/device_ops.h"

namespace swift::ops {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

// What a node of the graph keeps beside tensors.
template <class T>
struct Held : torch::CustomClassHolder {
  explicit Held(T held) : value(std::move(held)) {}
  T value;
};
template <class T>
c10::IValue kept(T value) {
  return c10::IValue::make_capsule(c10::make_intrusive<Held<T>>(std::move(value)));
}
template <class T>
const T& held(AutogradContext* ctx, const char* name) {
  return c10::static_intrusive_pointer_cast<Held<T>>(ctx->saved_data[name].toCapsule())->value;
}

struct RouteFunction : torch::autograd::Function<RouteFunction> {
  static tensor_list forward(AutogradContext* ctx, const Tensor& scores, int64_t per_token, bool normalize,
                             ExpertRoute* route) {
    const RoutedTokens routed = device_ops(scores)->route_tokens(scores, per_token, normalize);
    *route = routed.route;
    ctx->save_for_backward({routed.probabilities});
    ctx->saved_data["route"] = kept(routed.route);
    ctx->saved_data["normalize"] = normalize;
    ctx->saved_data["type"] = static_cast<int64_t>(scores.scalar_type());
    ctx->set_materialize_grads(false);
    return {routed.probabilities, routed.shares};
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const RoutedTokens routed{ctx->get_saved_variables()[0], {}, held<ExpertRoute>(ctx, "route")};
    const Tensor d_shares = grads[1].defined()
                                ? grads[1]
                                : at::zeros(routed.route.chosen.sizes(), routed.probabilities.options());
    const auto type = static_cast<at::ScalarType>(ctx->saved_data["type"].toInt());
    const Tensor d_scores = device_ops(d_shares)->route_tokens_backward(
        routed, ctx->saved_data["normalize"].toBool(), d_shares, grads[0], type);
    return {d_scores, Tensor(), Tensor(), Tensor()};
  }
};

struct SortFunction : torch::autograd::Function<SortFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const ExpertRoute& route) {
    ctx->saved_data["route"] = kept(route);
    return device_ops(x)->sort_rows(x, route);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const Tensor dy = grads[0].contiguous();
    return {device_ops(dy)->combine_rows(dy, {}, held<ExpertRoute>(ctx, "route")), Tensor()};
  }
};

// The experts' values (experts, out, in) in `type`: where they lie, if that is one behind the other, or
// copies.
Tensor joined(const tensor_list& weights, const std::vector<QuantizedPtr>& stored, at::ScalarType type) {
  tensor_list values;
  for (size_t e = 0; e < weights.size(); ++e)
    values.push_back(stored.empty() ? weights[e].detach() : stored[e]->unpack(type));
  const Tensor& first = values.front();
  const auto experts = static_cast<int64_t>(values.size());
  bool neighbours = first.scalar_type() == type;
  for (int64_t e = 0; e < experts; ++e) {
    const Tensor& value = values[static_cast<size_t>(e)];
    neighbours = neighbours && value.is_contiguous() && value.is_alias_of(first) &&
                 value.storage_offset() == first.storage_offset() + e * first.numel();
  }
  if (!neighbours) return at::stack(values).to(type);
  return first.as_strided({experts, first.size(0), first.size(1)}, {first.numel(), first.size(1), 1});
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_in, at::TensorList leaves,
                        const std::vector<QuantizedPtr>& stored, const ExpertRoute& route) {
    const Tensor x = x_in.contiguous();
    const tensor_list weights = leaves.vec();
    tensor_list saved = {x};
    saved.insert(saved.end(), weights.begin(), weights.end());
    ctx->save_for_backward(saved);
    ctx->saved_data["stored"] = kept(stored);
    ctx->saved_data["route"] = kept(route);
    return device_ops(x)->expert_product(x, joined(weights, stored, x.scalar_type()), false, route);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const tensor_list saved = ctx->get_saved_variables();
    const Tensor dy = grads[0].contiguous(), &x = saved.front();
    const tensor_list weights(saved.begin() + 1, saved.end());
    const auto& route = held<ExpertRoute>(ctx, "route");
    tensor_list gradients(saved.size() + 2);
    if (ctx->needs_input_grad(0)) {
      const auto& stored = held<std::vector<QuantizedPtr>>(ctx, "stored");
      gradients[0] =
          device_ops(dy)->expert_product(dy, joined(weights, stored, dy.scalar_type()), true, route);
    }
    bool any = false;
    for (size_t e = 0; e < weights.size(); ++e) any = any || ctx->needs_input_grad(e + 1);
    if (!any) return gradients;
    const Tensor sums = device_ops(dy)->expert_outer(dy, x, route, weights.front().scalar_type());
    for (size_t e = 0; e < weights.size(); ++e)
      if (ctx->needs_input_grad(e + 1)) gradients[e + 1] = sums.select(0, static_cast<int64_t>(e));
    return gradients;
  }
};

struct DropFunction : torch::autograd::Function<DropFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, double p, const std::vector<DropoutKey>& keys,
                        const ExpertRoute& route) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["keys"] = kept(keys);
    ctx->saved_data["route"] = kept(route);
    return device_ops(x)->drop_expert_rows(x.contiguous(), p, keys, route);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const Tensor dy = grads[0].contiguous();
    const Tensor dx = device_ops(dy)->drop_expert_rows(dy, ctx->saved_data["p"].toDouble(),
                                                       held<std::vector<DropoutKey>>(ctx, "keys"),
                                                       held<ExpertRoute>(ctx, "route"));
    return {dx, Tensor(), Tensor(), Tensor()};
  }
};

struct CombineFunction : torch::autograd::Function<CombineFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& rows, const Tensor& shares,
                        const std::optional<Tensor>& /*probabilities*/, const ExpertRoute& route) {
    ctx->save_for_backward({rows, shares});
    ctx->saved_data["route"] = kept(route);
    return device_ops(rows)->combine_rows(rows, shares, route);
  }

  static tensor_list backward(AutogradContext* ctx, tensor_list grads) {
    const tensor_list saved = ctx->get_saved_variables();
    const Tensor dy = grads[0].contiguous();
    const auto [d_rows, d_shares] =
        device_ops(dy)->combine_rows_backward(dy, saved[0], saved[1], held<ExpertRoute>(ctx, "route"));
    return {d_rows, d_shares, Tensor(), Tensor()};
  }
};

}  // namespace

RoutedTokens ExpertMix::route(const Tensor& scores, int64_t per_token, bool normalize) {
  RoutedTokens result;
  const tensor_list found = RouteFunction::apply(scores, per_token, normalize, &result.route);
  result.probabilities = found[0];
  result.shares = found[1];
  return result;
}

Tensor ExpertMix::sort(const Tensor& x, const ExpertRoute& route) {
  return SortFunction::apply(x, route);
}

Tensor ExpertMix::linear(const Tensor& x, const ExpertWeights& weights, const ExpertRoute& route) {
  return LinearFunction::apply(x, at::TensorList(weights.weights), weights.stored, route);
}

Tensor ExpertMix::dropped(const Tensor& x, double p, const std::vector<DropoutKey>& keys,
                          const ExpertRoute& route) {
  return DropFunction::apply(x, p, keys, route);
}

Tensor ExpertMix::combine(const Tensor& rows, const Tensor& shares, const Tensor& probabilities,
                          const ExpertRoute& route) {
  const auto others = probabilities.defined() ? std::optional<Tensor>(probabilities) : std::nullopt;
  return CombineFunction::apply(rows, shares, others, route);
}

}  // namespace swift::ops
