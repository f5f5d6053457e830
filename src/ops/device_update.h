// Optimizer steps on a device, over all tensors at once.
#pragma once
#include <cstdint>
#include <vector>

#include "ops/torch.h"

namespace swift::ops {

// A trained tensor on the device, dense. Moments are fp32, or 8-bit codes with a magnitude for each block of
// 256 (ops/dynamic_map.h).
struct AdamTensors {
  at::Tensor weight;  // what the model reads
  at::Tensor grad;    // in the weight's type or fp32
  at::Tensor master;  // fp32, or undefined: the weight is
  at::Tensor exp_avg, exp_avg_sq;
  at::Tensor exp_avg_absmax, exp_avg_sq_absmax;  // undefined with fp32 moments
  double learning_rate;
  double weight_decay;
  int64_t step;  // this one, from 1
};

struct AdamSettings {
  double beta1, beta2, epsilon;
  bool raw_epsilon = false;  // epsilon is added before the second moment's bias correction
};

// Codes in groups of consecutive values on the device, a multiple of 4 long: those of int8_weight.h, or, with
// zeros, INT4 ones: two a byte, the first in the lower half, value = scale * (code - zero).
struct GroupCodes {
  at::Tensor codes, scales, zeros;
  int64_t group;
};

// Random bits of base::Stream(seed, Purpose::rounding, substream).
struct RoundingKey {
  uint64_t seed, substream;
};

class DeviceUpdate {
 public:
  virtual ~DeviceUpdate() = default;
  // torch.optim.AdamW's update of each; queued without waiting.
  virtual void adamw(const std::vector<AdamTensors>& tensors, const AdamSettings& settings) const = 0;

  // INT8 weight: values become decay * value + step * direction (fp32), rounded as int8_encode() does; noise
  // null: to the nearest code.
  virtual void update_int8(const GroupCodes& weight, const at::Tensor& direction, double decay, double step,
                           const RoundingKey* noise) const = 0;
  virtual at::Tensor decode_int8(const GroupCodes& weight, at::ScalarType type) const = 0;
  // INT4: values fp32. A group's range is widened to hold 0.
  virtual void encode_int4(const at::Tensor& values, const GroupCodes& target) const = 0;
  virtual at::Tensor decode_int4(const GroupCodes& source, at::IntArrayRef sizes) const = 0;
};

}  // namespace swift::ops
