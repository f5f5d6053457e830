#include "model/linear_layer.h"

#include <limits>

#include "ops/dora.h"
#include "ops/dora_linear.h"
#include "ops/quantized_linear.h"

namespace swift::model {

at::Tensor LinearLayer::forward(const at::Tensor& x, uint64_t dropout_key) const {
  if (on_input) on_input(x);
  const auto product = [&](const at::Tensor& shift, const ops::LowRank* update) {
    if (!quantized) return ops::Linear::forward(x, weight, shift, update);
    const at::Tensor trained = weight.requires_grad() ? weight : at::Tensor();
    return ops::QuantizedLinear::forward(x, quantized, trained, shift, update);
  };
  if (!lora) return product(bias, nullptr);
  const bool drop = dropout_key != 0 && lora->dropout > 0;
  const ops::LowRank update{lora->a, lora->b, lora->scale, drop ? lora->dropout : 0.0,
                            dropout_key + lora->id * 0xD1B54A32D192ED03ULL};
  if (!lora->dora) return product(bias, &update);
  const Dora& dora = *lora->dora;
  if (!quantized && !bias.defined() && ops::DoraLinear::takes(x, weight))
    return ops::DoraLinear::forward(x, weight, update, dora.magnitude, dora.squares);
  const at::Tensor z = product(at::Tensor(), &update);
  const at::Tensor norms =
      dora.norms.defined() ? dora.norms : ops::updated_norms(full_weight(), dora.squares, update);
  return ops::RowScale::forward(z, dora.magnitude, norms, bias);
}

at::Tensor LinearLayer::forward(const at::Tensor& x, const RowAdapters& rows) const {
  // What serving asks of a layer without an attached adapter needs none of autograd's bookkeeping.
  at::Tensor y = quantized && !lora && !on_input ? quantized->product(x, bias) : forward(x);
  for (const AdapterRows& part : rows) {
    const auto found = served.find(part.adapter);
    if (found == served.end()) continue;
    const ServedPair& pair = found->second;
    const at::Tensor h = pair.a->product(x.narrow(0, part.first, part.count), {});
    y.narrow(0, part.first, part.count).add_(pair.b->product(h, {}), pair.scale);
  }
  return y;
}

void LinearLayer::refresh_norms() {
  if (!lora || !lora->dora) return;
  if (lora->b.requires_grad() && !quantized && !bias.defined() && ops::DoraLinear::takes(weight)) {
    lora->dora->norms = at::Tensor();
    return;
  }
  lora->dora->norms =
      ops::updated_norms(full_weight(), lora->dora->squares, {lora->a, lora->b, lora->scale, 0.0, 0});
}

void LinearLayer::keep_quantized(ops::QuantizedPtr values) {
  quantized = std::move(values);
  // One element seen everywhere; NaN, so that a reader who takes it for the values is found out.
  weight = at::full({1}, std::numeric_limits<double>::quiet_NaN(), weight.options().requires_grad(false))
               .expand(quantized->sizes());
}

at::Tensor LinearLayer::full_weight() const {
  return quantized ? quantized->unpack(weight.scalar_type()) : weight;
}

void LinearLayer::set_weight(const at::Tensor& values) {
  weight = values.to(weight.scalar_type());
  quantized.reset();
}

}  // namespace swift::model
