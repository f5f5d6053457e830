#include "model/linear_layer.h"

namespace swift::model {

at::Tensor LinearLayer::forward(const at::Tensor& x, uint64_t dropout_key) const {
  if (!lora) return ops::Linear::forward(x, weight, bias, nullptr);
  const bool drop = dropout_key != 0 && lora->dropout > 0;
  const ops::LowRank update{lora->a, lora->b, lora->scale, drop ? lora->dropout : 0.0,
                            dropout_key + lora->id * 0xD1B54A32D192ED03ULL};
  return ops::Linear::forward(x, weight, bias, &update);
}

}  // namespace swift::model
