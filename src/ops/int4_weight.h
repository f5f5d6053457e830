// The weight of a linear as an AWQ or GPTQ checkpoint holds it; it stays packed.
#pragma once
#include "ops/grouped_codes.h"
#include "ops/quantized_weight.h"

namespace swift::ops {

class Int4Weight final : public QuantizedWeight {
 public:
  // stored: 2, 3, 4 or 8 bits.
  Int4Weight(GroupedCodes stored, at::ScalarType compute)
      : QuantizedWeight({stored.out(), stored.in}, compute), stored_(std::move(stored)) {}
  at::Tensor unpack(at::ScalarType type) const override { return decode(stored_, type); }
  int64_t bytes() const override;
  QuantizedPtr to(at::Device device) const override;
  at::Device device() const override { return stored_.codes.device(); }
  const GroupedCodes& stored() const { return stored_; }

 private:
  GroupedCodes stored_;
};

// fp8 E4M3 codes with a factor for each block of rows and columns: value = code * factor (DeepSeek-V3,
// arXiv 2412.19437, section 3.3; transformers' quant_method fp8).
class Fp8Weight final : public QuantizedWeight {
 public:
  // codes float8_e4m3fn (out, in), factors fp32 (ceil(out / block), ceil(in / block)).
  Fp8Weight(at::Tensor codes, at::Tensor factors, int64_t block, at::ScalarType compute)
      : QuantizedWeight(codes.sizes(), compute),
        codes_(std::move(codes)),
        factors_(std::move(factors)),
        block_(block) {}
  at::Tensor unpack(at::ScalarType type) const override;
  int64_t bytes() const override { return bytes_of(codes_) + bytes_of(factors_); }
  QuantizedPtr to(at::Device device) const override;
  at::Device device() const override { return codes_.device(); }
  const at::Tensor& codes() const { return codes_; }
  const at::Tensor& factors() const { return factors_; }
  int64_t block() const { return block_; }

 private:
  at::Tensor codes_, factors_;
  int64_t block_;
};

}  // namespace swift::ops
