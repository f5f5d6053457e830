#include "model/linear_layer.h"

#include <algorithm>
#include <limits>

#include "model/pair_key.h"
#include "ops/dora.h"
#include "ops/dora_linear.h"
#include "ops/quantized_linear.h"

namespace swift::model {

at::Tensor LinearLayer::forward(const at::Tensor& x, const ops::DropoutKey& dropout_key) const {
  if (on_input) on_input(x);
  const auto product = [&](const at::Tensor& shift, const ops::LowRank* update) {
    if (!quantized) return ops::Linear::forward(x, weight, shift, update);
    const at::Tensor trained = weight.requires_grad() ? weight : at::Tensor();
    return ops::QuantizedLinear::forward(x, quantized, trained, shift, update);
  };
  if (!lora) return product(bias, nullptr);
  const bool drop = !dropout_key.none() && lora->dropout > 0;
  const ops::LowRank update{lora->a, lora->b, lora->scale, drop ? lora->dropout : 0.0,
                            pair_key(*lora, dropout_key)};
  if (!lora->dora) return product(bias, &update);
  const Dora& dora = *lora->dora;
  if (!quantized && !bias.defined() && ops::DoraLinear::takes(x, weight))
    return ops::DoraLinear::forward(x, weight, update, dora.magnitude, dora.squares);
  const at::Tensor z = product(at::Tensor(), &update);
  const at::Tensor norms =
      dora.norms.defined() ? dora.norms : ops::updated_norms(full_weight(), dora.squares, update);
  return ops::RowScale::forward(z, dora.magnitude, norms, bias);
}

namespace {

// What serving asks of a layer without an attached adapter needs none of autograd's bookkeeping.
bool is_plain(const LinearLayer& layer) {
  return layer.quantized && !layer.lora && !layer.on_input;
}

void add_adapters(const LinearLayer& layer, const at::Tensor& x, const RowAdapters& rows,
                  const at::Tensor& y) {
  for (const AdapterRows& part : rows) {
    const auto found = layer.served.find(part.adapter);
    if (found == layer.served.end()) continue;
    const ServedPair& pair = found->second;
    const at::Tensor h = pair.a->product(x.narrow(0, part.first, part.count), {});
    y.narrow(0, part.first, part.count).add_(pair.b->product(h, {}), pair.scale);
  }
}

}  // namespace

at::Tensor LinearLayer::forward(const at::Tensor& x, const RowAdapters& rows) const {
  const at::Tensor y = is_plain(*this) ? quantized->product(x, bias) : forward(x);
  if (!served.empty()) add_adapters(*this, x, rows, y);
  return y;
}

std::vector<at::Tensor> LinearLayer::forward_together(const at::Tensor& x,
                                                      const std::vector<const LinearLayer*>& layers,
                                                      const RowAdapters& rows) {
  const LinearLayer& first = *layers.front();
  const bool together = std::all_of(layers.begin(), layers.end(), [&](const LinearLayer* layer) {
    return is_plain(*layer) && is_plain(first) && first.quantized->goes_with(*layer->quantized);
  });
  std::vector<at::Tensor> results;
  if (!together) {
    for (const LinearLayer* layer : layers) results.push_back(layer->forward(x, rows));
    return results;
  }
  std::vector<const ops::QuantizedWeight*> weights;
  std::vector<at::Tensor> biases;
  for (const LinearLayer* layer : layers) {
    weights.push_back(layer->quantized.get());
    biases.push_back(layer->bias);
  }
  results = first.quantized->products_together(x, weights, biases);
  for (size_t i = 0; i < layers.size(); ++i) {
    if (!layers[i]->served.empty()) add_adapters(*layers[i], x, rows, results[i]);
  }
  return results;
}

void LinearLayer::refresh_norms() {
  if (!lora || !lora->dora) return;
  if (lora->b.requires_grad() && !quantized && !bias.defined() && ops::DoraLinear::takes(weight)) {
    lora->dora->norms = at::Tensor();
    return;
  }
  const at::Tensor norms =
      ops::updated_norms(full_weight(), lora->dora->squares, {lora->a, lora->b, lora->scale});
  at::Tensor& kept = lora->dora->norms;
  // Work that was recorded on a device reads them where they are.
  if (kept.defined() && kept.is_cuda()) {
    kept.copy_(norms);
  } else {
    kept = norms;
  }
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
