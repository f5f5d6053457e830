// 8-bit weights: a scale for each row, or for each group of consecutive values.
#pragma once
#include "base/rng.h"
#include "ops/device_update.h"
#include "ops/quantized_weight.h"

namespace swift::ops {

// value = scale * code, codes -127 to 127: symmetric, so that the range of a group needs no zero point to be
// rounded, and its largest value is exact. Groups run over consecutive values; the last may be shorter.
struct Int8Tensor {
  at::Tensor codes;   // int8, sizes of the weight
  at::Tensor scales;  // fp32 (groups)
};
Int8Tensor int8_zeros(at::IntArrayRef sizes, int64_t group, const at::TensorOptions& options);
// values: fp32. noise null: to the nearest code. Else stochastic rounding: up with the probability of the
// fraction, which is right on average; element i is rounded by position i of the stream.
void int8_encode(const at::Tensor& values, int64_t group, const base::Stream* noise, Int8Tensor& target);
at::Tensor int8_decode(const Int8Tensor& source, int64_t group, at::ScalarType type = at::kFloat);

// A group of `group` values (Q-GaLore's weights, arXiv 2407.08296), or a row (LLM.int8, arXiv 2208.07339,
// without its outlier columns and with activations that stay in the compute type).
class Int8Weight final : public QuantizedWeight {
 public:
  Int8Weight(const at::Tensor& weight, int64_t group, at::ScalarType compute);
  Int8Weight(Int8Tensor stored, int64_t group, at::ScalarType compute);
  at::Tensor unpack(at::ScalarType type) const override { return int8_decode(stored_, group_, type); }
  int64_t bytes() const override { return bytes_of(stored_.codes) + bytes_of(stored_.scales); }
  QuantizedPtr to(at::Device device) const override;
  at::Device device() const override { return stored_.codes.device(); }

  // Takes these values (fp32, where the weight lies), each rounded to the nearest code.
  void assign(const at::Tensor& values);
  // New values: decay * value + step * direction (fp32), rounded with this noise as int8_encode does.
  void move(const at::Tensor& direction, double decay, double step, const RoundingKey& noise);
  const Int8Tensor& stored() const { return stored_; }
  int64_t group() const { return group_; }

 private:
  int64_t group_;
  Int8Tensor stored_;
};

}  // namespace swift::ops
