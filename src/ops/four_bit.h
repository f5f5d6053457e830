// 4-bit weights in blocks of 64 values, each a code of sixteen values times the block's largest magnitude
// (QLoRA, Dettmers et al. 2023, arXiv 2305.14314). Codes, packing and double quantization are those of
// bitsandbytes 0.50 (quantize_4bit with compress_statistics).
#pragma once
#include <array>
#include <string_view>

#include "ops/quantized_weight.h"

namespace swift::ops {

enum class FourBitCode { nf4, fp4 };

constexpr int64_t kFourBitBlock = 64;
constexpr int64_t kScaleBlock = 256;  // blocks whose scales share a magnitude in double quantization

// The sixteen values by code.
const std::array<float, 16>& four_bit_values(FourBitCode code);

// Rows lie one after another; a block may span two. Two codes a byte, the first in the upper half.
struct FourBitTensor {
  at::Tensor codes;             // uint8 ((count + 1) / 2)
  at::Tensor scales;            // fp32 (blocks), the largest magnitudes; undefined with double quantization
  at::Tensor scale_codes;       // uint8 (blocks) of ops::DynamicMap, or undefined
  at::Tensor scale_magnitudes;  // fp32 (ceil(blocks / 256)), or undefined
  float scale_offset = 0;       // the mean scale, taken off before the scales are coded

  // fp32 (blocks) as decoding uses them.
  at::Tensor decoded_scales() const;
  int64_t bytes() const;
};

// values: bf16, fp16 or fp32.
FourBitTensor four_bit_encode(const at::Tensor& values, FourBitCode code, bool double_quant);
at::Tensor four_bit_decode(const FourBitTensor& source, FourBitCode code, at::IntArrayRef sizes,
                           at::ScalarType type);
// The same, element by element: oracle of the tests.
at::Tensor four_bit_decode_plain(const FourBitTensor& source, FourBitCode code, at::IntArrayRef sizes,
                                 at::ScalarType type);

class FourBitWeight final : public QuantizedWeight {
 public:
  FourBitWeight(const at::Tensor& weight, FourBitCode code, bool double_quant, at::ScalarType compute)
      : QuantizedWeight(weight.sizes(), compute),
        code_(code),
        stored_(four_bit_encode(weight, code, double_quant)) {}
  QuantizedPtr to(at::Device device) const override;
  at::Tensor unpack(at::ScalarType type) const override {
    return four_bit_decode(stored_, code_, sizes(), type);
  }
  int64_t bytes() const override { return stored_.bytes(); }

 private:
  FourBitCode code_;
  FourBitTensor stored_;
};

}  // namespace swift::ops
