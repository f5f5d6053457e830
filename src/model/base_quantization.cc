#include "model/base_quantization.h"

#include "ops/four_bit.h"
#include "ops/int8_weight.h"

namespace swift::model {

ops::QuantizedPtr quantize(const at::Tensor& weight, const BaseQuantization& settings) {
  const at::ScalarType compute = settings.compute.value_or(weight.scalar_type());
  if (settings.format == BaseQuantization::Format::int8)
    return c10::make_intrusive<ops::Int8Weight>(weight, weight.size(1), compute);
  const auto code =
      settings.format == BaseQuantization::Format::nf4 ? ops::FourBitCode::nf4 : ops::FourBitCode::fp4;
  return c10::make_intrusive<ops::FourBitWeight>(weight, code, settings.double_quant, compute);
}

}  // namespace swift::model
