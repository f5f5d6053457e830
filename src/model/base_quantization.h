// A frozen base whose linears are kept in 4 or 8 bits (QLoRA, arXiv 2305.14314).
#pragma once
#include <optional>

#include "model/linear_layer.h"

namespace swift::model {

struct BaseQuantization {
  // nf4 and fp4: blocks of 64; int8: rows, without LLM.int8's outlier columns.
  enum class Format { nf4, fp4, int8 };
  Format format = Format::nf4;
  bool double_quant = true;               // the scales of 4-bit blocks are quantized too
  std::optional<at::ScalarType> compute;  // type of the products; unset: the weight's
};

// The weight (out, in) in that form.
ops::QuantizedPtr quantize(const at::Tensor& weight, const BaseQuantization& settings);

}  // namespace swift::model
