#include "model/linear_layer.h"

#include "ops/dora.h"

namespace swift::model {

at::Tensor LinearLayer::forward(const at::Tensor& x, uint64_t dropout_key) const {
  if (!lora) return ops::Linear::forward(x, weight, bias, nullptr);
  const bool drop = dropout_key != 0 && lora->dropout > 0;
  const ops::LowRank update{lora->a, lora->b, lora->scale, drop ? lora->dropout : 0.0,
                            dropout_key + lora->id * 0xD1B54A32D192ED03ULL};
  if (!lora->dora) return ops::Linear::forward(x, weight, bias, &update);
  const at::Tensor z = ops::Linear::forward(x, weight, at::Tensor(), &update);
  return ops::RowScale::forward(z, lora->dora->magnitude, lora->dora->norms, bias);
}

void LinearLayer::refresh_norms() {
  if (!lora || !lora->dora) return;
  lora->dora->norms =
      ops::updated_norms(weight, lora->dora->squares, {lora->a, lora->b, lora->scale, 0.0, 0});
}

}  // namespace swift::model
